"""What a sweep's driver imports, imported once: the fork server of :mod:`tests.forked` starts with it."""

from importlib import import_module

from platform.tuning.cluster.library_logs import set_library_defaults

set_library_defaults()  # which Ray reads when it is imported
for name in (
    "mlflow.store.tracking.sqlalchemy_store",
    "platform.tuning.run.sweep",
    "reports.build.build",
    "timm",
):
    import_module(name)
