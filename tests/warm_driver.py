"""What a sweep's driver imports, imported once: the fork server of :mod:`tests.forked` starts with it."""

from importlib import import_module

from platform.tuning.quiet import quiet_settings

quiet_settings()  # which Ray reads when it is imported
for name in (
    "mlflow.store.tracking.sqlalchemy_store",
    "platform.tuning.sweep",
    "reports.build",
    "timm",
):
    import_module(name)
