"""What a night has left on disks and in MLflow, and how it is deleted: never through a link, nor elsewhere.

A process that dies in between leaves the rest to the next `prune`: the sweep's record, which says where its
checkpoints and its MLflow runs are, is deleted after these.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from platform.config.errors import UserError
from platform.nights.ledger.places import NightFolder
from platform.nights.ledger.records import Night
from platform.storage.disk import written_to
from platform.storage.folder import Folder
from platform.tuning.folder.sweep_folder import NAME, RECORD, SweepFolder, SweepIdentity, read_identity


class NotOurs(UserError):
    """What lies there is not what the ledger means, so it is not deleted."""


@dataclass(frozen=True)
class Remains:
    """``sweeps``: the folders that are there; ``own``: the night's folder in the state, if it may go too."""

    sweeps: tuple[SweepFolder, ...]
    own: Path | None

    @classmethod
    def of(cls, night: Night, out: Path, state: Path, *, keeps_own: bool = False) -> "Remains":
        """``keeps_own``: leave the night's folder in the state, by which others are compared.

        Raises NotOurs for a name that leads elsewhere, a link, or a folder of something else.
        """
        sweeps = [SweepFolder(one) for run in night.sweeps if (one := _below(out, run.name)) is not None]
        for folder in sweeps:
            _record(folder)
        own = NightFolder.of(state, night.identity).path
        return cls(tuple(sweeps), None if keeps_own else _below(own.parent, own.name))

    def total_bytes(self) -> int:
        """What their files take here and in the sweeps' storage.path; MLflow's are not counted."""
        local = [*(one.path for one in self.sweeps), *([self.own] if self.own else [])]
        places = [place for folder in self.sweeps if (place := elsewhere(folder)) is not None]
        return sum(map(_bytes_of, local)) + sum(place.total_bytes() for place in places)

    def delete(self) -> set[str]:
        """Delete all; returns the addresses of MLflow where runs were deleted."""
        from platform.tracking.own_mlflow import refuse_strange
        from platform.tracking.writing.deletion import delete_sweep

        addresses = set()
        for folder in self.sweeps:
            with _alone(folder):
                record = _record(folder)
                if (place := elsewhere(folder)) is not None:
                    _delete_place(place)
                if record is not None:
                    refuse_strange(record.tracking_uri, folder.path)
                if record is not None and delete_sweep(record.writer_state):
                    addresses.add(record.tracking_uri)
                _delete_folder(folder.path, last=RECORD)
        if self.own is not None:
            _delete_folder(self.own)
        return addresses


def elsewhere(folder: SweepFolder) -> Folder | None:
    """The sweep's folder in ``storage.path``; None if its checkpoints lie with it.

    Raises:
        NotOurs: the folder there is not called after the sweep, is a link, or has another sweep's record.
    """
    record = _record(folder)
    if record is None or record.trials is None:
        return None
    place = Folder.of(record.trials).parent
    if place == Folder.of(folder.path):
        return None
    local = place.local
    if place.name != record.name or (local is not None and local.is_symlink()):
        raise NotOurs(f"{place}: is a link, or not the folder of {record.name}")
    if place.has(RECORD) and read_identity(place).parent_run_id != record.parent_run_id:
        raise NotOurs(f"{place}: holds another sweep than {folder.path}")
    return place


def _record(folder: SweepFolder) -> SweepIdentity | None:
    """The sweep's record; None once it was deleted, or where the sweep died before it."""
    if not folder.record_file.exists():
        return None
    record = folder.read_record()
    if record.name != folder.name:
        raise NotOurs(f"{folder.path}: holds the sweep {record.name}, which was moved or copied there")
    return record


def _below(parent: Path, name: str) -> Path | None:
    """The folder ``name`` in ``parent``; None if there is none."""
    path = parent / name
    if not re.fullmatch(NAME, name):
        raise NotOurs(f"{path}: {name!r} is no name of a folder in {parent}")
    if path.is_symlink():
        raise NotOurs(f"{path}: is a link, and what it leads to may be something else's")
    if not os.path.lexists(path):
        return None
    if not path.is_dir():
        raise NotOurs(f"{path}: is no folder")
    return path


@contextmanager
def _alone(folder: SweepFolder) -> Iterator[None]:
    """Hold the sweep's lock, so that nobody resumes it meanwhile."""
    lock = FileLock(folder.lock, timeout=0, fallback_to_soft=False)
    try:
        lock.acquire()
    except Timeout:
        raise NotOurs(f"{folder.path}: a process runs this sweep") from None
    try:
        yield
    finally:
        lock.release()


def _bytes_of(folder: Path) -> int:
    """Of its files; a link counts as itself."""
    return sum(os.lstat(Path(place) / name).st_size for place, _, names in os.walk(folder) for name in names)


def _delete_folder(folder: Path, *, last: str | None = None) -> None:
    """Delete it without following links; the file ``last`` goes just before the folder itself."""
    if folder.is_symlink():
        raise NotOurs(f"{folder}: is a link now")
    with written_to(folder):
        for path in sorted(folder.iterdir(), key=lambda path: path.name == last):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        folder.rmdir()


def _delete_place(place: Folder) -> None:
    if place.local is None:
        place.delete(first=RECORD)
    elif place.local.exists():
        _delete_folder(place.local)
