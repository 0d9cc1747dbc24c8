"""Where a sweep's MLflow is now: what its record names, or another one after folders were moved or copied.

A SQLite database that was copied along is used where it lies. Otherwise the sweep's runs are made anew from
its spool, which has every call for MLflow.
"""

import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST, ErrorCode

from platform.config.secrets import shown_uri
from platform.tracking.connect import connect, talking
from platform.tracking.own_mlflow import is_own
from platform.tracking.records import WriterState
from platform.tracking.tracking_config import (
    ENVIRONMENT_VARIABLE,
    TrackingConfig,
    TrackingError,
    resolve_uri,
    sqlite_path,
)
from platform.tracking.writing.spool import forget_position, read_entries
from platform.tracking.writing.writer import SweepWriter

_ARTIFACTS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "storage_location"),
)
"""Tables and columns of MLflow's database that hold the addresses of artifacts."""


def relocate(state: WriterState, spool: Path) -> tuple[WriterState, str | None]:
    """The state with the MLflow that is there, and a line on what was done; None if ``state`` still holds.

    The recorded MLflow counts as long as it has the sweep. A server that does not answer counts, too, unless
    MLFLOW_TRACKING_URI names another one, as its answer may only be late. One that only the folder names is
    not asked; it counts unless MLFLOW_TRACKING_URI names another one, or it is a file that is not here. Else
    the sweep's runs are looked for in MLFLOW_TRACKING_URI, or ``mlflow.db`` in the current folder, and made
    anew there if it lacks them.

    Raises:
        TrackingError: neither has the sweep, and it has no spool; or the other one does not answer.
    """
    is_asked = is_own(state.uri, spool.parent)
    if _still_holds(state) if is_asked else _is_left_alone(state):
        return state, None
    here, gone = replace(state, uri=resolve_uri(TrackingConfig())), shown_uri(state.uri)
    why = "is not there any more, or lacks the sweep" if is_asked else "is named by the folder only"
    if _has_run(here):
        _move_artifacts(state.uri, here.uri)
        return here, f"MLflow is {shown_uri(here.uri)} now: {gone} {why}"
    if not spool.exists() or not (entries := read_entries(spool)):
        raise TrackingError(
            f"MLflow at {gone}: {why}, and the sweep {state.sweep!r} has no "
            f"{spool.name} to make its runs anew from; set {ENVIRONMENT_VARIABLE} to an MLflow that has them"
        )
    try:
        anew = SweepWriter.open(here.uri, state.experiment, state.sweep).state
    except TrackingError:
        if here.uri != state.uri:
            raise
        # It was deleted under this process, whose connections lead to it: another process makes it anew.
        return state, None
    forget_position(spool)
    return anew, (
        f"MLflow at {gone} {why}: made its runs anew in "
        f"{shown_uri(anew.uri)} from the {len(entries):,} calls in {spool}"
    )


def _is_left_alone(state: WriterState) -> bool:
    path = sqlite_path(state.uri)
    return not os.environ.get(ENVIRONMENT_VARIABLE) and (path is None or path.exists())


def _still_holds(state: WriterState) -> bool:
    if sqlite_path(state.uri) is not None:
        return _has_run(state)
    given = os.environ.get(ENVIRONMENT_VARIABLE)
    if not given or resolve_uri(TrackingConfig()) == state.uri:
        return True
    try:
        return _has_run(state)
    except TrackingError:
        return False


def _has_run(state: WriterState) -> bool:
    """Whether MLflow has the sweep's own run; asking creates no SQLite database.

    A database that is locked or damaged counts as having it: what uses it next waits or says so.
    """
    path = sqlite_path(state.uri)
    if path is None:
        return _serves_run(connect(state.uri), state)
    if not path.is_file():
        return False
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=1)) as database:
            found = database.execute("SELECT 1 FROM runs WHERE run_uuid = ?", (state.parent_run_id,))
            return found.fetchone() is not None
    except sqlite3.Error as error:
        return "no such table" not in str(error)


def _serves_run(client: MlflowClient, state: WriterState) -> bool:
    with talking(state.uri):
        try:
            client.get_run(state.parent_run_id)
        except MlflowException as error:
            if error.error_code == ErrorCode.Name(RESOURCE_DOES_NOT_EXIST):
                return False
            raise
    return True


def _move_artifacts(before: str, now: str) -> None:
    """Let a copied database find ``mlartifacts/`` beside itself, if they are not where they were."""
    old, new = sqlite_path(before), sqlite_path(now)
    if old is None or new is None or (old.parent / "mlartifacts").exists():
        return
    was, is_ = ((path.parent / "mlartifacts").as_uri() for path in (old, new))
    with closing(sqlite3.connect(new, timeout=60)) as database, database:
        known = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table, column in _ARTIFACTS:
            if table in known:
                changed = f"{column} = ? || substr({column}, ?)"
                database.execute(
                    f"UPDATE {table} SET {changed} WHERE substr({column}, 1, ?) = ?",
                    (is_, len(was) + 1, len(was), was),
                )
