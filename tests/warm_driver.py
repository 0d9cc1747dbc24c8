"""What a sweep's driver imports, imported once: the fork server of :mod:`tests.forked` starts with it."""

from importlib import import_module

from platform.tuning.cluster.library_logs import quiet_settings

quiet_settings()  # which Ray reads when it is imported
for name in (
    "mlflow.store.tracking.sqlalchemy_store",
    "platform.tuning.run.sweep",
    "reports.build.build",
    "timm",
):
    import_module(name)
