"""Which folder a command means: that of a new sweep, or of one to resume."""

import re
from pathlib import Path

from platform.config.errors import UserError
from platform.tuning.folder.process_lock import is_locked
from platform.tuning.folder.sweep_folder import NAME, SweepFolder

_DRAFT = re.compile(r"\..+\.\d+\.(draft|old)")
"""What a process leaves that dies while it writes a file: storage/whole_files.py."""


def new_folder(out: Path, name: str, *, is_given: bool) -> SweepFolder:
    """Create the folder of a new sweep.

    A name that you give must be free; a space's own name gets -2, -3 … if it is taken. What a process left
    that died before the sweep's record counts as free. Raises UserError for a taken or invalid name, or a
    folder that cannot be created.
    """
    check_name(name)
    candidates = [name] if is_given else [name, *(f"{name}-{count}" for count in range(2, 10_000))]
    for candidate in candidates:
        path = out / candidate
        try:
            out.mkdir(parents=True, exist_ok=True)
            path.mkdir()
            return SweepFolder(path)
        except FileExistsError:
            if not out.is_dir():
                raise UserError(f"--out: {out} is not a folder") from None
            if is_left_behind(SweepFolder(path), may_be_empty=is_given):
                return SweepFolder(path)
        except OSError as error:
            raise UserError(f"--out: {path} cannot be created: {error.strerror}") from None
    raise UserError(
        f"{out / name}: a sweep of this name exists; go on with it with --resume, or give another --name"
    )


def check_name(name: str) -> None:
    if not re.fullmatch(NAME, name):
        raise UserError(f"--name: must be letters, digits, '.', '_', '@' and '-', got {name!r}")


def is_left_behind(folder: SweepFolder, *, may_be_empty: bool) -> bool:
    """Whether the folder holds only what a process left that died before the sweep's record.

    Not while a process begins the sweep, which holds the lock. An empty folder may be one that another
    process has made just now.
    """
    if folder.path.is_symlink() or not folder.path.is_dir():
        return False
    names = {path.name for path in folder.path.iterdir()}
    if not names:
        return may_be_empty
    has_begun = not names.isdisjoint((folder.lock.name, folder.process.name))
    return has_begun and not foreign_in(folder) and not is_locked(folder)


def foreign_in(folder: SweepFolder) -> list[str]:
    """The names of what a sweep does not write before its record; the record is one of them."""
    process = (folder.lock, folder.process, folder.stop_asked, folder.logs)
    data = (folder.manifest, folder.bad_images, folder.passed_over, folder.data_remarks)
    records = (folder.space, folder.given, folder.opening, folder.study, folder.spool)
    beside = (folder.spool.with_suffix(ending) for ending in (".position", ".lock"))
    known = {path.name for path in (*process, *data, *records, *beside)}
    return sorted(
        path.name
        for path in folder.path.iterdir()
        if path.is_symlink() or not (path.name in known or _DRAFT.fullmatch(path.name))
        if not path.name.startswith(folder.study_lock)
    )


def folder_to_resume(out: Path, name: str, *, is_given: bool) -> SweepFolder:
    """The sweep that ``--resume`` means: the named one, or the newest with the space's own name."""
    known = [out / name] if is_given else [out / name, *out.glob(f"{name}-[0-9]*")]
    sweeps = [SweepFolder(path) for path in known if SweepFolder(path).record_file.exists()]
    if not sweeps:
        if is_left_behind(SweepFolder(out / name), may_be_empty=True):
            raise UserError(
                f"{out / name}: its process ended before the sweep began, so there is nothing to resume: "
                "give the command without --resume"
            )
        there = sorted(path.parent.name for path in out.glob("*/sweep.json"))
        raise UserError(
            f"{out / name}: no sweep to resume; there are: {', '.join(there) if there else 'none'}"
        )
    return max(sweeps, key=lambda sweep: sweep.record_file.stat().st_mtime)
