"""The study of a sweep: where Optuna keeps what it knows, and how it is found again."""

import warnings
from pathlib import Path
from typing import Any, Final, Literal

import optuna
from optuna.exceptions import DuplicatedStudyError
from optuna.samplers import BaseSampler
from optuna.storages import BaseStorage, JournalStorage
from sqlalchemy.exc import SQLAlchemyError

from platform.config.errors import UserError
from platform.tracking.tracking_config import shown_uri
from platform.tuning.journal import WholeLines
from platform.tuning.settings.search_config import SearchConfig
from platform.tuning.folder.sweep_folder import SweepFolder

SPACE: Final = "space"
"""Attribute of a study: the YAML's tree whose ranges it has."""

DIRECTIONS: dict[str, Literal["maximize", "minimize"]] = {"max": "maximize", "min": "minimize"}


def new_study(
    search: SearchConfig, folder: SweepFolder, sampler: BaseSampler, space: dict[str, Any]
) -> optuna.Study:
    """The study of a new sweep, which bears its name; ``space``: the YAML's tree, kept in it.

    Raises UserError for a storage that cannot be used, or that has a study of this name: two sweeps in one
    study would learn from each other's trials as if they were their own.
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
    """The study of a sweep that was opened before; raises UserError where it is gone."""
    if search.storage is None:
        if not folder.study.exists():
            raise UserError(f"{folder.study}: is gone, and with it what the search knew; start a new sweep")
        _cut_torn_line(folder.study)
    storage = _open(search, folder)
    try:
        return optuna.load_study(
            storage=storage, sampler=sampler, pruner=optuna.pruners.NopPruner(), study_name=folder.name
        )
    except KeyError:
        raise UserError(f"search.storage: {_shown(search, folder)} has no study {folder.name}") from None


def _open(search: SearchConfig, folder: SweepFolder) -> BaseStorage:
    try:
        if search.storage is None:
            return JournalStorage(WholeLines(folder.study))
        return optuna.storages.get_storage(search.storage)
    except (SQLAlchemyError, ImportError, OSError, ValueError) as error:
        # SQLAlchemy's messages go on with the statement and a link, and may hold the password.
        cause = getattr(error, "orig", None) or error
        line = str(cause).partition("\n")[0].replace(search.storage or "", _shown(search, folder))
        raise UserError(f"search.storage: {_shown(search, folder)} cannot be opened: {line}") from None


def _shown(search: SearchConfig, folder: SweepFolder) -> str:
    return shown_uri(search.storage) if search.storage else str(folder.study)


def _cut_torn_line(journal: Path) -> None:
    """Drop the start of a line that a killed process left: what is added to it would make it unreadable."""
    with journal.open("r+b") as file:
        text = file.read()
        file.truncate(text.rfind(b"\n") + 1)
