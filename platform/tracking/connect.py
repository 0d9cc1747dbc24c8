"""Opening MLflow: quietly, one process at a time for a new database, and with every failure as one line."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock
from mlflow import MlflowClient
from mlflow.entities import Experiment
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from platform.tracking.environment_variables import environment_with
from platform.tracking.mlflow_errors import is_transient, one_line
from platform.tracking.tracking_config import MlflowAway, TrackingError, shown_uri, sqlite_path

_LOGGERS = ("mlflow", "alembic", "sqlalchemy", "urllib3", "git")
# Without it MLflow's page opens on traces of language models.
_MODEL_TRAINING = {"mlflow.experimentKind": "custom_model_development"}
_SQLITE_MAGIC = b"SQLite format 3\0"
# MLflow's own defaults retry for four minutes: wrong for an address just typed. These hold while the
# connection is opened, unless the user set their own.
_OPENING = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "0",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
}
_FAILURES = (MlflowException, SQLAlchemyError, ImportError, OSError)


def connect(uri: str) -> MlflowClient:
    """A client of the store at ``uri`` that has answered once; a new SQLite database is created whole.

    Raises:
        TrackingError: nothing there answers, or what answers is no MLflow store.
    """
    hush()
    with opening(uri):
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
    return client


def find_or_create_experiment(client: MlflowClient, uri: str, name: str) -> Experiment:
    """The experiment called ``name``; two processes that create it at once get the same one.

    Beside a SQLite database, artifacts go to ``mlartifacts/`` next to it, whatever the current folder is.

    Raises:
        TrackingError: it was deleted in MLflow, or cannot be created.
    """
    with opening(uri):
        experiment = client.get_experiment_by_name(name)
        if experiment is None:
            experiment_id = client.create_experiment(
                name, artifact_location=_artifact_location(uri, name), tags=_MODEL_TRAINING
            )
            experiment = client.get_experiment(experiment_id)
    if experiment.lifecycle_stage != "active":
        raise TrackingError(
            f"experiment {name!r} was deleted in MLflow ({shown_uri(uri)}): restore it with "
            f"`mlflow experiments restore -x {experiment.experiment_id}`, or say another `experiment`"
        )
    return experiment


def hush() -> None:
    """Keep MLflow's and Alembic's messages off the terminal; a log file set up for them gets them."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        files: list[logging.Handler] = [
            handler for handler in logger.handlers if isinstance(handler, logging.FileHandler)
        ]
        # An own handler, even one that does nothing, keeps Python's last resort (stderr) out of it.
        logger.handlers = files or [logging.NullHandler()]
        logger.propagate = not files


@contextmanager
def opening(uri: str) -> Iterator[None]:
    """Short retries, one process at a time on a SQLite file, and TrackingError for whatever goes wrong."""
    unset = {name: value for name, value in _OPENING.items() if name not in os.environ}
    with environment_with(unset), talking(uri), _alone(uri):
        yield


@contextmanager
def talking(uri: str) -> Iterator[None]:
    """What MLflow, its database or the network raise becomes a TrackingError that names the address.

    Raises:
        MlflowAway: where it is of the kind that passes.
    """
    try:
        yield
    except _FAILURES as error:
        kind = MlflowAway if is_transient(error) else TrackingError
        raise kind(f"MLflow at {shown_uri(uri)}: {one_line(error)}") from error


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    path = sqlite_path(uri)
    if path is None:
        yield
        return
    _check_sqlite_file(path)
    with FileLock(f"{path}.lock", timeout=120):
        yield


def _check_sqlite_file(path: Path) -> None:
    if not path.parent.is_dir():
        raise FileNotFoundError(f"the folder {path.parent} does not exist")
    if path.is_dir():
        raise IsADirectoryError("is a folder, not a database file")
    if path.exists() and path.stat().st_size:
        with path.open("rb") as file:
            if file.read(len(_SQLITE_MAGIC)) != _SQLITE_MAGIC:
                raise OSError("the file is there, but is not a SQLite database")


def _artifact_location(uri: str, experiment: str) -> str | None:
    path = sqlite_path(uri)
    if path is None:
        return None
    # Quoted twice: once for a folder's name that holds no slash, once more by as_uri().
    return (path.parent / "mlartifacts" / quote(experiment, safe=" ")).as_uri()
