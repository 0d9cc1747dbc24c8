"""Settings and log file for the libraries a sweep uses: their messages go to logs/libraries.log."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from platform.config.environment import environment_with
from platform.datasets.errors import counted
from platform.storage.disk import in_a_line
from platform.storage.log_file import LogFile

log = logging.getLogger(__name__)

LOGGERS = ("ray", "mlflow", "alembic", "optuna", "lightning", "sqlalchemy", "timm", "py.warnings")

# Ray and Tune read these when they are imported or started.
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # a relative data.source is the same path in a worker
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # MLflow has all metrics: no CSV, JSON and TensorBoard files
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",  # a sweep resumes from its own study, not from Tune's state
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # stopping/interrupt.py handles Ctrl-C
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # the last result of a failed trial has no metric
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_AIR_NEW_OUTPUT": "0",
}


def set_library_defaults() -> None:
    """Set the environment variables that Ray reads, except those you have set yourself."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


@contextmanager
def library_defaults() -> Iterator[None]:
    """The same for a while: your own use of Tune in this process has Tune's defaults again afterwards.

    Advice to install ipywidgets, which a notebook would get from Ray and tqdm, is left out meanwhile.
    """
    unset = {name: value for name, value in SETTINGS.items() if name not in os.environ}
    widgets = logging.getLogger("ray.widgets")
    level = widgets.level
    widgets.setLevel(logging.WARNING)
    try:
        with environment_with(unset), warnings.catch_warnings():
            warnings.filterwarnings("ignore", "IProgress not found")
            yield
    finally:
        widgets.setLevel(level)


@contextmanager
def library_logs_to(folder: Path) -> Iterator[None]:
    """Send these libraries' log records and all warnings to ``folder``/libraries.log.

    If some could not be written, one line says so at the end; an error that ends the context says enough.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handler = LogFile(folder / "libraries.log", "%(asctime)s %(levelname)s %(name)s: %(message)s")
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [(logger.handlers[:], logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers[:] = [handler]
        logger.propagate = False
    logging.captureWarnings(True)
    try:
        with warnings.catch_warnings():
            yield
        if handler.problem is not None:
            cause, lost = in_a_line(handler.problem), counted(handler.lost, "message")
            log.warning("%s: cannot be written: %s; %s of libraries lost", handler.path, cause, lost)
    finally:
        logging.captureWarnings(False)
        for logger, (handlers, propagate) in zip(loggers, before, strict=True):
            logger.handlers[:] = handlers
            logger.propagate = propagate
        handler.close()
