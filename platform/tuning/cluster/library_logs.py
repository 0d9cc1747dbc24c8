"""Where other libraries' chatter goes while a sweep runs: a file beside it, not the terminal."""

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHATTY = ("ray", "mlflow", "alembic", "optuna", "lightning", "sqlalchemy", "timm", "py.warnings")

# Read by Ray and Tune when they are imported or started.
SETTINGS = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",  # a relative data.source means the same in a worker
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # MLflow has every number; no CSV, JSON and TensorBoard twice
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000",  # nothing is restored from what Tune saves of its own state
    "TUNE_DISABLE_SIGINT_HANDLER": "1",  # interrupt.py stops a sweep
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",  # a trial that says why it cannot go on has no metric
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_AIR_NEW_OUTPUT": "0",
}


def quiet_settings() -> None:
    """Set what Ray reads from the environment, leaving what the user has set."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)


@contextmanager
def chatter_to(folder: Path) -> Iterator[None]:
    """Send the named libraries' log records and all warnings to ``folder``/libraries.log."""
    folder.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(folder / "libraries.log", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    loggers = [logging.getLogger(name) for name in CHATTY]
    before = [(logger.handlers[:], logger.propagate) for logger in loggers]
    for logger in loggers:
        logger.handlers[:] = [handler]
        logger.propagate = False
    logging.captureWarnings(True)
    try:
        with warnings.catch_warnings():
            yield
    finally:
        logging.captureWarnings(False)
        for logger, (handlers, propagate) in zip(loggers, before, strict=True):
            logger.handlers[:] = handlers
            logger.propagate = propagate
        handler.close()
