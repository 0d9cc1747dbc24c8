"""Creates and opens a sweep's Optuna study, and the journal file in which it is stored by default."""

import os
import warnings
from pathlib import Path
from typing import Any, Final, Literal

import optuna
from optuna.exceptions import DuplicatedStudyError
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState
from sqlalchemy.exc import SQLAlchemyError

from platform.config.errors import UserError
from platform.config.secrets import shown_uri
from platform.storage.disk import StorageError, written_to
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.settings.search_config import SearchConfig

SPACE: Final = "space"
"""Attribute of a study: the YAML's tree from which its trials are drawn."""

DIRECTIONS: dict[str, Literal["maximize", "minimize"]] = {"max": "maximize", "min": "minimize"}


class WholeLines(JournalFileBackend):
    """A journal file of one process; a write that fails is undone, and every later write is refused.

    Otherwise the next record would be appended to an incomplete line, which makes the journal unreadable, or
    would lack the records before it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path
        self._refused: StorageError | None = None

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Raises StorageError if the disk is full, and in every call after that."""
        if self._refused is not None:
            raise self._refused
        size = self._path.stat().st_size
        try:
            with written_to(self._path):
                super().append_logs(logs)
        except StorageError as error:
            os.truncate(self._path, size)
            self._refused = error
            raise


def new_study(
    search: SearchConfig, folder: SweepFolder, sampler: BaseSampler, space: dict[str, Any]
) -> optuna.Study:
    """Create the study of a new sweep, under the sweep's name; ``space``: the YAML's tree, stored with it.

    Raises UserError if the storage cannot be used or has a study of this name: two sweeps in one study would
    take each other's trials for their own.
    """
    storage = _open(search, folder)
    try:
        study = optuna.create_study(
            storage=storage,
            sampler=sampler,
            pruner=optuna.pruners.NopPruner(),
            study_name=folder.name,
            directions=[DIRECTIONS[goal.direction] for goal in search.goals],
        )
    except DuplicatedStudyError:
        raise UserError(
            f"search.storage: {_shown(search, folder)} has a study {folder.name} already; give another --name"
        ) from None
    study.set_user_attr(SPACE, space)
    if len(search.goals) > 1:
        with warnings.catch_warnings():  # Optuna calls it experimental; its dashboard shows the names
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names([goal.metric for goal in search.goals])
    return study


def known_study(search: SearchConfig, folder: SweepFolder, sampler: BaseSampler) -> optuna.Study:
    """Open the study of an earlier process of the sweep; raises UserError if it does not exist."""
    if search.storage is None:
        if not folder.study.exists():
            raise UserError(
                f"{folder.study}: is gone, and with it the trials of the search; start a new sweep"
            )
        _cut_torn_line(folder.study)
    storage = _open(search, folder)
    try:
        return optuna.load_study(
            storage=storage, sampler=sampler, pruner=optuna.pruners.NopPruner(), study_name=folder.name
        )
    except KeyError:
        raise UserError(f"search.storage: {_shown(search, folder)} has no study {folder.name}") from None


def forget_unused(search: SearchConfig, folder: SweepFolder) -> None:
    """Delete a study in another storage whose sweep died before its record: none of its trials has begun."""
    if search.storage is None:
        return
    storage = _open(search, folder)
    try:
        study = optuna.load_study(storage=storage, study_name=folder.name)
    except KeyError:
        return
    if all(trial.state == TrialState.WAITING for trial in study.get_trials(deepcopy=False)):
        optuna.delete_study(study_name=folder.name, storage=storage)


def _open(search: SearchConfig, folder: SweepFolder) -> BaseStorage:
    try:
        if search.storage is None:
            return JournalStorage(WholeLines(folder.study))
        return optuna.storages.get_storage(search.storage)
    except (SQLAlchemyError, ImportError, OSError, ValueError) as error:
        # SQLAlchemy appends the statement and a link to its messages, which may contain the password.
        cause = getattr(error, "orig", None) or error
        line = str(cause).partition("\n")[0].replace(search.storage or "", _shown(search, folder))
        raise UserError(f"search.storage: {_shown(search, folder)} cannot be opened: {line}") from None


def _shown(search: SearchConfig, folder: SweepFolder) -> str:
    return shown_uri(search.storage) if search.storage else str(folder.study)


def _cut_torn_line(journal: Path) -> None:
    """Drop an incomplete last line, left by a killed process: a line appended to it could not be read."""
    with journal.open("r+b") as file:
        text = file.read()
        file.truncate(text.rfind(b"\n") + 1)
