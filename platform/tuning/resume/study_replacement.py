"""Replace a study atomically by another of the same name, in a journal's file or in a database."""

import json
import shutil
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import BaseJournalBackend
from optuna.trial import FrozenTrial
from sqlalchemy import text

from platform.storage.disk import written_to
from platform.storage.whole_files import whole_file, write_whole
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.search.sampling import enqueue
from platform.tuning.search.study import SPACE
from platform.tuning.space.start_points import Start


def replace_study(
    folder: SweepFolder,
    old: optuna.Study,
    trials: Sequence[FrozenTrial],
    starts: Sequence[Start],
    space: dict[str, Any],
) -> None:
    """Replace ``old`` by a study of ``trials``, in this order, with ``starts`` enqueued.

    The old study is kept as optuna_journal.1.log, or in a database as the study NAME-before-1. If the process
    is killed meanwhile, the study of the sweep's name is either the old one or the new one, complete.
    """
    storage = old._storage
    if isinstance(storage, JournalStorage):
        journal = _InMemory()
        _fill(JournalStorage(journal), old, old.study_name, (trials, starts, space))
        _replace_file(folder.study, journal.lines())
    else:
        draft = f"{old.study_name}-being-changed"
        _delete(storage, draft)  # what a killed process left
        _fill(storage, old, draft, (trials, starts, space))
        _rename(_database(storage), old, draft)


def _fill(
    storage: BaseStorage,
    old: optuna.Study,
    name: str,
    content: tuple[Sequence[FrozenTrial], Sequence[Start], dict[str, Any]],
) -> None:
    trials, starts, space = content
    study = optuna.create_study(storage=storage, study_name=name, directions=old.directions)
    for key, value in old._storage.get_study_system_attrs(old._study_id).items():
        storage.set_study_system_attr(study._study_id, key, value)
    for key, value in (old.user_attrs | {SPACE: space}).items():
        study.set_user_attr(key, value)
    for trial in trials:
        storage.create_new_trial(study._study_id, template_trial=trial)
    enqueue(study, starts)


class _InMemory(BaseJournalBackend):
    """A journal in memory, so that a thousand trials are a single write to the disk."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def read_logs(self, log_number_from: int) -> Generator[dict[str, Any], None, None]:
        yield from (json.loads(line) for line in self._lines[log_number_from:])

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        self._lines += [json.dumps(log, separators=(",", ":")) for log in logs]

    def lines(self) -> str:
        return "".join(f"{line}\n" for line in self._lines)


def _replace_file(journal: Path, lines: str) -> None:
    kept = _free(journal)
    with whole_file(kept) as draft, written_to(kept):
        shutil.copyfile(journal, draft)
    write_whole(journal, lines)


def _free(journal: Path) -> Path:
    """optuna_journal.1.log, or the next number that is not taken."""
    number = 1
    while (path := journal.with_suffix(f".{number}{journal.suffix}")).exists():
        number += 1
    return path


def _delete(storage: BaseStorage, name: str) -> None:
    names = {study.study_name for study in storage.get_all_studies()}
    if name in names:
        optuna.delete_study(study_name=name, storage=storage)


def _database(storage: BaseStorage) -> RDBStorage:
    """Optuna's database storage, without the cache that wraps it."""
    database = getattr(storage, "_backend", storage)
    assert isinstance(database, RDBStorage), "search.storage is a journal's file or a database's URL"
    return database


def _rename(database: RDBStorage, old: optuna.Study, draft: str) -> None:
    """Give the draft the study's name in one transaction; Optuna cannot rename studies."""
    taken = {study.study_name for study in database.get_all_studies()}
    number = 1
    while (kept := f"{old.study_name}-before-{number}") in taken:
        number += 1
    statement = text("UPDATE studies SET study_name = :name WHERE study_name = :was")
    with database.engine.begin() as connection:
        connection.execute(statement, {"name": kept, "was": old.study_name})
        connection.execute(statement, {"name": old.study_name, "was": draft})
