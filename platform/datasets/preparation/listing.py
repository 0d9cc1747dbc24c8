"""List the images of ``data.source``: choose a reader, read paths and labels, check them.

A reader is a file in ``readers/`` with ``LAYOUT`` (what it reads, for errors), ``recognises(source)`` and
``read(source, config)``. The latter returns the columns ``path`` and ``label`` and, if there, ``clean``,
``noisy`` (for noise from a column) and ``split``; for identities also ``camera`` and ``role``.
``DEFAULT_TEST_SHARE`` and ``remarks(source, rows, config)``, which says what the reader passed over or
assumed, are optional.
"""

import os
import unicodedata
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Literal, Protocol, cast

import numpy as np
import pandas as pd

from platform.datasets.data_config import IDENTITIES, DataConfig, reader_names
from platform.datasets.errors import DataError, counted, listed
from platform.datasets.remarks import Remarks
from platform.datasets.sources.file_kinds import ending_of
from platform.datasets.sources.source import ManifestSource, Source, open_source
from platform.datasets.tables.label_columns import fill_held_out, is_unlabelled
from platform.datasets.tables.label_names import look_alikes, normalised
from platform.datasets.tables.settled import settled
from platform.datasets.tables.table_files import MISSING

LIMIT_STREAM = 5  # of random numbers; manifest.py has those before
MANIFEST = "manifest"
CLASS_FOLDERS = "class_folders"
"""The reader that knows ``data.unlabelled_folder``."""


class Reader(Protocol):
    """The interface of the modules in ``readers/``."""

    LAYOUT: str

    def recognises(self, source: Source) -> bool:
        """Whether the source has this reader's layout; cheap, and without errors for other layouts."""

    def read(self, source: Source, config: DataConfig) -> pd.DataFrame: ...


@dataclass(frozen=True)
class Listing:
    """``rows``: ``path``, ``label``, ``split`` and the reader's other columns, sorted by path.

    ``config``: the data section as it applies to these rows: what a manifest has settled is taken out of it.
    """

    source: Source
    reader: str
    rows: pd.DataFrame
    default_test_share: float
    config: DataConfig
    remarks: Remarks = field(default_factory=Remarks)


def list_images(config: DataConfig) -> Listing:
    """Choose the reader, read the labels and check them against the files. Opens no image."""
    source = open_source(config.source)
    if source.table is None and not source.files:
        raise DataError(f"data.source: {source} is empty")
    name = _reader_of(source, config)
    reader = load_reader(name)
    if isinstance(source, ManifestSource):
        config = settled(config, source)
    if config.unlabelled_folder is not None and name != CLASS_FOLDERS:
        raise DataError(
            f"data.unlabelled_folder: {source} is read by {name}, which has no class folders; set it to null"
        )
    if source.table is None:
        _refuse_other_encodings(source)
    rows = reader.read(source, config).fillna(MISSING)  # a column may be in one split's table only
    changed = 0
    if config.normalise_labels:
        rows, changed = normalised(rows)
    if "split" not in rows:
        rows = rows.assign(split="train")
    rows = fill_held_out(rows)
    if config.unlabelled == "leave_out":
        rows = rows[~is_unlabelled(rows)]
    absent = _check(rows, source, config.max_bad)
    _refuse_unlabelled(rows, source, config)
    rows = rows.sort_values("path", ignore_index=True)  # so that nothing depends on the order on disk
    rows = _at_most(rows, config)
    remarks = replace(
        reader.remarks(source, rows, config) if hasattr(reader, "remarks") else Remarks(),
        missing=tuple(absent),
        same_folders=source.same_folders if source.table is None else (),
        look_alike_labels=look_alikes(rows),
        normalised_labels=changed,
    )
    return Listing(source, name, rows, getattr(reader, "DEFAULT_TEST_SHARE", 0.0), config, remarks)


def holds_identities(source: str) -> bool:
    """Whether the source divides its images into train, query and gallery, as re-identification does."""
    return load_reader(IDENTITIES).recognises(open_source(source))


def _at_most(rows: pd.DataFrame, config: DataConfig) -> pd.DataFrame:
    """About ``data.max_images`` rows: the same share of each class and split, but at least two of each."""
    if config.max_images is None or len(rows) <= config.max_images:
        return rows
    share = config.max_images / len(rows)
    random = np.random.default_rng([config.seed, LIMIT_STREAM])
    kept = [
        random.permutation(places)[: max(round(share * len(places)), 2)]
        for _, places in sorted(rows.groupby(["split", "label"]).indices.items())
    ]
    return rows.iloc[np.sort(np.concatenate(kept))].reset_index(drop=True)


def _refuse_other_encodings(source: Source) -> None:
    """A manifest, MLflow and a page hold text: names of images that are none would be lost on the way."""
    strange = [str(path) for path in source.kinds.images if not _is_text(str(path))]
    if strange:
        number = counted(len(strange), "image has a name", "images have names")
        raise DataError(
            f"data.source: {source}: {number} not in UTF-8, such as {os.fsencode(strange[0])!r}: rename "
            "them, such as with: convmv -r -f latin1 -t utf8 --notest FOLDER"
        )


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _reader_of(source: Source, config: DataConfig) -> str:
    if isinstance(source, ManifestSource):
        if config.reader not in ("auto", MANIFEST, IDENTITIES):
            raise DataError(f"data.reader: {source.name} is a manifest: must be auto, got {config.reader}")
        return MANIFEST
    if config.identities is not None:
        return IDENTITIES
    return _recognising(source) if config.reader == "auto" else config.reader


def load_reader(name: str) -> Reader:
    return cast(Reader, import_module(f"platform.datasets.readers.{name}"))


def _recognising(source: Source) -> str:
    readers = {name: load_reader(name) for name in reader_names()}
    recognising = [name for name, reader in readers.items() if reader.recognises(source)]
    if len(recognising) == 1:
        return recognising[0]
    if recognising:
        raise DataError(
            f"data.source: {source} can be read as {' and as '.join(recognising)}: "
            "choose one with data.reader"
        )
    layouts = "; ".join(f"{name} ({reader.LAYOUT})" for name, reader in readers.items() if name != "digits")
    raise DataError(
        f"data.source: {source} holds no images that a reader recognises. It holds {_contents(source)}; "
        f"the readers are {layouts}"
    )


def _contents(source: Source) -> str:
    endings = pd.Series([ending_of(path) or "nameless" for path in source.files]).value_counts()
    return listed([counted(int(count), f"{ending} file") for ending, count in endings.items()], 3)


def _check(rows: pd.DataFrame, source: Source, max_bad: float) -> list[str]:
    """Raise :class:`DataError` for the first problem in a table of paths and labels.

    Returns the paths that are not there: up to a share of ``max_bad`` they count as bad images.
    """
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
    if len(absent) > max_bad * len(rows):
        raise DataError(
            f"data.source: {source}: {len(absent):,} of {counted(len(rows), 'listed image')} "
            f"{'is' if len(absent) == 1 else 'are'} not there: {listed(absent, 3)}{_spelling(absent, source)}"
        )
    return absent


def _spelling(absent: list[str], source: Source) -> str:
    """A hint for the paths of a table that was written on Windows, or in another Unicode form than files."""
    turned = [path.replace("\\", "/") for path in absent]
    if turned != absent:
        there = "with / in place of \\ they are" if not source.missing(turned) else "they are Windows paths"
        return f"; {there}: write them with / and relative to the table"
    forms: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
    for form in forms:
        if not source.missing([unicodedata.normalize(form, path) for path in absent]):
            return f"; in Unicode's form {form} they are: write them so"
    return ""


def _refuse_unlabelled(rows: pd.DataFrame, source: Source, config: DataConfig) -> None:
    """Raise :class:`DataError` for images without a label that the settings do not allow."""
    has_none, is_train, unlabelled = rows["label"] == MISSING, rows["split"] == "train", is_unlabelled(rows)
    for refused, what in (
        (has_none & ~is_train, "images of val and test need a label"),
        (
            unlabelled & (config.unlabelled == "refuse"),
            "set data.unlabelled to leave_out or use to allow such training images",
        ),
        (
            has_none & is_train & ~unlabelled,
            "with data.noise.column an image needs a label in both columns or in neither",
        ),
    ):
        paths = rows["path"][refused].tolist()
        if paths:
            number = counted(len(paths), "image has", "images have")
            raise DataError(f"data.source: {source}: {number} no label ({listed(paths, 3)}); {what}")
