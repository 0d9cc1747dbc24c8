"""A split as files: a folder a split, a folder a class, made of links, copies or the files themselves.

The list ``moves.jsonl`` is written first: with it a run that was killed goes on, and a move is undone.
"""

import errno
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, Literal

import pandas as pd

from platform.config.errors import UserError
from platform.datasets.geometry import MAX_BYTES
from platform.datasets.sources.source import FolderSource, Source
from platform.datasets.tables.spreadsheet_cells import csv_text
from platform.storage.disk import written_to
from platform.storage.whole_files import parse_record, write_whole

How = Literal["link", "copy", "move"]
LIST: Final = "moves.jsonl"
TABLE: Final = "split.csv"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Call:
    """What was asked for: the first line of the list. A second run goes on only with the same.

    ``root``: the folder that paths in the source are relative to; '' if it is none.
    """

    source: str
    root: str
    how: How
    val: float
    test: float
    seed: int
    groups: str = ""
    settings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Placed:
    """One file: its path in the source, its place in the new folder, and its row of the table."""

    path: str
    to: str
    label: str
    split: str
    more: dict[str, str] = field(default_factory=dict)


def planned(rows: pd.DataFrame) -> list[Placed]:
    """``SPLIT/CLASS/NAME`` of each row; files of one name in a class are named by their whole path."""
    more = [name for name in ("clean", "camera", "role") if name in rows]
    folders = [f"{one.split}/{_safe(str(one.label) or 'no label')}" for one in rows.itertuples()]
    names = [PurePosixPath(path).name for path in rows["path"]]
    twice = {pair for pair, count in Counter(zip(folders, names, strict=True)).items() if count > 1}
    found = []
    for folder, name, row in zip(folders, names, rows.to_dict("records"), strict=True):
        shown = row["path"].replace("/", "__") if (folder, name) in twice else name
        extra = {column: str(row[column]) for column in more}
        found.append(Placed(row["path"], f"{folder}/{shown}", row["label"], row["split"], extra))
    return found


def earlier(folder: Path, call: Call) -> list[Placed] | None:
    """The list of an earlier run of the same call; None if the folder is new or empty.

    Raises UserError for a folder with anything else.
    """
    file = folder / LIST
    if not file.exists():
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            there = folder if not folder.is_dir() else min(folder.iterdir())
            raise UserError(f"--out: {there} is there already: name a new folder; nothing is overwritten")
        return None
    was, placed = read_list(file)
    if was != call:
        raise UserError(f"--out: {folder} holds another split ({file}): name a new folder")
    return placed


def read_list(file: Path) -> tuple[Call, list[Placed]]:
    """Raises UserError where there is no such list."""
    try:
        first, *lines = file.read_bytes().splitlines()
    except (OSError, ValueError) as error:
        raise UserError(f"{file}: is no list of a split (moves.jsonl)") from error
    return (
        parse_record(first, Call, source=f"{file}:1"),
        [parse_record(line, Placed, source=f"{file}:{n}") for n, line in enumerate(lines, start=2)],
    )


def lay_out(
    source: Source, folder: Path, call: Call, placed: Sequence[Placed], *, goes_on: bool, progress: Progress
) -> None:
    """Make the folder; ``goes_on``: with what an earlier run of the list left.

    Raises UserError where a file is in the way, before any is touched.
    """
    if call.how != "copy" and not isinstance(source, FolderSource):
        raise UserError(f"--materialize {call.how}: {source} is no folder; copy takes its images out of it")
    _check(source, folder, call, placed, goes_on=goes_on)
    if not goes_on:
        records = [asdict(call), *map(asdict, placed)]
        lines = [json.dumps(one, ensure_ascii=False) for one in records]
        write_whole(folder / LIST, "\n".join(lines) + "\n")
    for number, one in enumerate(placed, start=1):
        to = folder / one.to
        with written_to(to):
            to.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(source, FolderSource) and call.how != "copy":
                _take(source.root / one.path, to, call.how)
            elif not to.exists():
                _copied(source.read(one.path, MAX_BYTES), to)
        progress(number, len(placed))
    write_whole(folder / TABLE, csv_text(_table(placed)))


def undo(file: Path, progress: Progress) -> int:
    """Move the files of a list back; the number of those that were moved.

    Raises UserError where a file is in the way or gone, before any is touched.
    """
    call, placed = read_list(file)
    if call.how != "move":
        raise UserError(f"{file}: its files were made by {call.how}, not moved: delete {file.parent} instead")
    folder, root = file.parent, Path(call.root)
    for one in placed:
        here, there = folder / one.to, root / one.path
        if here.exists() and there.exists() and not here.samefile(there):
            raise UserError(f"{there}: is there already: nothing was moved back")
        if not here.exists() and not there.exists():
            raise UserError(f"{here}: is gone: nothing was moved back")
    moved = 0
    for number, one in enumerate(placed, start=1):
        here, there = folder / one.to, root / one.path
        if here.exists():
            with written_to(there):
                there.parent.mkdir(parents=True, exist_ok=True)
                _take(here, there, "move")
            moved += 1
        progress(number, len(placed))
    _remove_empty(folder, placed)
    return moved


def _check(source: Source, folder: Path, call: Call, placed: Sequence[Placed], *, goes_on: bool) -> None:
    for one in placed:
        to = folder / one.to
        here = source.root / one.path if isinstance(source, FolderSource) else None
        is_there = os.path.lexists(to)
        if is_there and (not goes_on or (call.how == "link" and here is not None and not _same(here, to))):
            raise UserError(f"--out: {to} is there already: nothing is overwritten")
        if is_there and call.how == "move" and here is not None and here.exists() and not _same(here, to):
            raise UserError(f"--out: {to} is there already, and {here} too: nothing is overwritten")
        if not is_there and here is not None and not here.exists():
            raise UserError(f"{here}: is gone, and not in {folder}: no file was touched")


def _take(here: Path, there: Path, how: How) -> None:
    """A hard link, which never replaces a file; for a move the old name then goes."""
    if not there.exists():
        try:
            os.link(here, there)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP):
                raise
            if how == "link":
                raise UserError(
                    f"--materialize link: {there.parent} lies on another disk than {here}, or its file "
                    "system has no hard links: use copy"
                ) from error
            _copied(here.read_bytes(), there)
            shutil.copystat(here, there)
    if how == "move" and here.exists():
        here.unlink()


def _copied(content: bytes, to: Path) -> None:
    """Under a hidden name first, so that a killed run leaves no half file under the right one."""
    draft = to.with_name(f".{to.name}.draft")
    with draft.open("wb") as opened:
        opened.write(content)
        opened.flush()
        os.fsync(opened.fileno())
    draft.rename(to)


def _same(here: Path, there: Path) -> bool:
    return here.exists() and there.exists() and here.samefile(there)


def _table(placed: Sequence[Placed]) -> pd.DataFrame:
    return pd.DataFrame(
        [{"path": one.to, "label": one.label, "split": one.split, **one.more} for one in placed]
    )


def _safe(label: str) -> str:
    name = "".join("_" if letter in '/\\:*?"<>|\0' else letter for letter in label).strip(". ")
    return name or "_"


def _remove_empty(folder: Path, placed: Sequence[Placed]) -> None:
    (folder / TABLE).unlink(missing_ok=True)
    (folder / LIST).unlink()
    for parent in sorted({(folder / one.to).parent for one in placed}, reverse=True):
        for place in (parent, parent.parent):
            if place.is_dir() and not any(place.iterdir()):
                place.rmdir()
    if not any(folder.iterdir()):
        folder.rmdir()
