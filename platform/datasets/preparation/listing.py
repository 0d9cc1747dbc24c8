"""From what ``data.source`` names to one checked table of paths and labels.

A reader is a file in ``readers/`` with ``LAYOUT`` (what it reads, for errors), ``recognises(source)`` and
``read(source, config)``, which returns the columns ``path`` and ``label``, and where there are such
``clean``, ``noisy`` (for noise from a column), ``split``, and of identities ``camera`` and ``role``.
``DEFAULT_TEST_SHARE`` is optional.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import Protocol, cast

import pandas as pd

from platform.datasets.tables.label_columns import fill_held_out, is_unlabelled
from platform.datasets.data_config import IDENTITIES, DataConfig, reader_names
from platform.datasets.errors import DataError, counted, listed
from platform.datasets.sources.source import Source, open_source
from platform.datasets.tables.table_files import MISSING

CLASS_FOLDERS = "class_folders"
"""The reader of what ``data.unlabelled_folder`` names."""


class Reader(Protocol):
    """What a module in ``readers/`` offers."""

    LAYOUT: str

    def recognises(self, source: Source) -> bool:
        """Whether the source has this reader's layout: cheap, and without an error for any other layout."""

    def read(self, source: Source, config: DataConfig) -> pd.DataFrame: ...


@dataclass(frozen=True)
class Listing:
    """``rows`` has ``path``, ``label``, ``split`` and what else the reader found, sorted by path."""

    source: Source
    reader: str
    rows: pd.DataFrame
    default_test_share: float


def list_images(config: DataConfig) -> Listing:
    """Find the reader, read the labels and check them against the files; no image is opened."""
    source = open_source(config.source)
    if source.table is None and not source.files:
        raise DataError(f"data.source: {source} is empty")
    name = _reader_named(config) or _recognising(source)
    reader = load_reader(name)
    if config.unlabelled_folder is not None and name != CLASS_FOLDERS:
        raise DataError(
            f"data.unlabelled_folder: {source} is read as {name}, without class folders: say null"
        )
    rows = reader.read(source, config).fillna(MISSING)  # a column may be in one split's table only
    if "split" not in rows:
        rows = rows.assign(split="train")
    rows = fill_held_out(rows)
    if config.unlabelled == "leave_out":
        rows = rows[~is_unlabelled(rows)]
    _check(rows, source)
    _refuse_unlabelled(rows, source, config)
    rows = rows.sort_values("path", ignore_index=True)  # nothing depends on the order on disk
    return Listing(source, name, rows, getattr(reader, "DEFAULT_TEST_SHARE", 0.0))


def _reader_named(config: DataConfig) -> str | None:
    """The reader that the settings ask for; None: whichever recognises the source."""
    if config.identities is not None:
        return IDENTITIES
    return None if config.reader == "auto" else config.reader


def load_reader(name: str) -> Reader:
    return cast(Reader, import_module(f"platform.datasets.readers.{name}"))


def _recognising(source: Source) -> str:
    readers = {name: load_reader(name) for name in reader_names()}
    found = [name for name, reader in readers.items() if reader.recognises(source)]
    if len(found) == 1:
        return found[0]
    if found:
        raise DataError(
            f"data.source: {source} can be read as {' and as '.join(found)}: say which with data.reader"
        )
    layouts = "; ".join(f"{name} ({reader.LAYOUT})" for name, reader in readers.items() if name != "digits")
    raise DataError(
        f"data.source: {source} holds no images that a reader recognises. It holds {_contents(source)}; "
        f"the readers are {layouts}"
    )


def _contents(source: Source) -> str:
    endings = pd.Series([_ending(path) for path in source.files]).value_counts()
    return listed([counted(int(count), f"{ending} file") for ending, count in endings.items()], 3)


def _ending(path: str) -> str:
    name = path.rsplit("/", 1)[-1]
    return "." + name.rsplit(".", 1)[-1] if "." in name else "nameless"


def _check(rows: pd.DataFrame, source: Source) -> None:
    """Raise :class:`DataError` for the first thing that is wrong with a table of paths and labels."""
    if rows.empty or not (rows["split"] == "train").any():
        raise DataError(f"data.source: {source} lists no training images")
    nameless = int((rows["path"] == MISSING).sum())
    if nameless:
        raise DataError(f"data.source: {source}: {counted(nameless, 'row has', 'rows have')} no path")
    repeated = rows["path"][rows["path"].duplicated()].tolist()
    if repeated:
        times = counted(len(repeated), "path is", "paths are")
        raise DataError(f"data.source: {source}: {times} listed more than once: {listed(repeated, 3)}")
    absent = source.missing(rows["path"].tolist())
    if absent:
        raise DataError(
            f"data.source: {source}: {len(absent):,} of {counted(len(rows), 'listed image')} "
            f"{'is' if len(absent) == 1 else 'are'} not there: {listed(absent, 3)}"
        )


def _refuse_unlabelled(rows: pd.DataFrame, source: Source, config: DataConfig) -> None:
    """Raise :class:`DataError` for images without a label which the settings do not expect."""
    has_none, is_train, unlabelled = rows["label"] == MISSING, rows["split"] == "train", is_unlabelled(rows)
    for refused, what in (
        (has_none & ~is_train, "images of val and test need one"),
        (
            unlabelled & (config.unlabelled == "refuse"),
            "data.unlabelled says what becomes of such training images: leave_out or use",
        ),
        (
            has_none & is_train & ~unlabelled,
            "with data.noise.column each needs one in both columns, or in none",
        ),
    ):
        paths = rows["path"][refused].tolist()
        if paths:
            number = counted(len(paths), "image has", "images have")
            raise DataError(f"data.source: {source}: {number} no label ({listed(paths, 3)}); {what}")
