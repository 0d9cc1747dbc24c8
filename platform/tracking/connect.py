"""Connect to MLflow: one process at a time creates a database, and every error is one line."""

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

from platform.config.environment import environment_with
from platform.config.secrets import moved_password, shown_uri
from platform.tracking.mlflow_errors import is_transient, one_line
from platform.tracking.own_mlflow import name_own, refuse_strange
from platform.tracking.tracking_config import ENVIRONMENT_VARIABLE, MlflowAway, TrackingError, sqlite_path

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
_ERRORS = (MlflowException, SQLAlchemyError, ImportError, OSError)


def connect(uri: str, *, creates: bool = False) -> MlflowClient:
    """Return a client of the store at ``uri``, which has answered.

    ``creates``: the user named it; make a SQLite database if there is none. Whoever reads or continues does
    not: nothing shall appear at an address that is not in use any more.

    Raises:
        TrackingError: nothing answers there, it is not an MLflow store, or not the user's own.
    """
    hush()
    if given := os.environ.get(ENVIRONMENT_VARIABLE):
        os.environ[ENVIRONMENT_VARIABLE] = moved_password(given, ENVIRONMENT_VARIABLE)
    if creates:
        name_own(uri)
    refuse_strange(uri)
    path = sqlite_path(uri)
    if path is not None and not creates and not path.exists():
        raise TrackingError(f"MLflow at {shown_uri(uri)}: the database is not there")
    with opening(uri):
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
    return client


def find_or_create_experiment(client: MlflowClient, uri: str, name: str) -> Experiment:
    """Return the experiment ``name``; two processes that create it at the same time get the same one.

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
    """Keep messages of MLflow and its libraries off the terminal; log files that are set up get them."""
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        files: list[logging.Handler] = [
            handler for handler in logger.handlers if isinstance(handler, logging.FileHandler)
        ]
        # Without any handler Python would write to stderr.
        logger.handlers = files or [logging.NullHandler()]
        logger.propagate = not files


@contextmanager
def opening(uri: str) -> Iterator[None]:
    """Connect with few retries, alone on a SQLite file; raise TrackingError for any error."""
    unset = {name: value for name, value in _OPENING.items() if name not in os.environ}
    with environment_with(unset), talking(uri), _alone(uri):
        yield


@contextmanager
def talking(uri: str) -> Iterator[None]:
    """Turn errors of MLflow, its database or the network into a TrackingError that names the address.

    Raises:
        MlflowAway: the error may pass, so that a later try can succeed.
    """
    try:
        yield
    except _ERRORS as error:
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
