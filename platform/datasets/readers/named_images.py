"""A table that names images without their folder, as Kaggle's competitions do.

``train.csv`` (or the only other table at the top) with a column such as ``image_id`` beside ``train_images/``
(or ``train/``, ``images/``), which holds the images without class folders. Names may lack the ending.
"""

from pathlib import PurePosixPath

import pandas as pd

from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError, listed
from platform.datasets.readers import labels_beside_images, labels_table
from platform.datasets.remarks import Remarks
from platform.datasets.sources.source import TABLES, Source
from platform.datasets.tables.folder_layout import IMAGE_FOLDERS, split_word
from platform.datasets.tables.label_columns import clean_column_notice, pick_labels
from platform.datasets.tables.table_files import read_table

LAYOUT = "train.csv with a column such as image_id, and train_images/"
NAMES = (
    *("image_id", "image", "image_name", "image_file", "image_path", "filename", "file_name", "file"),
    *("filepath", "file_path", "img", "img_id", "img_name", "path", "id", "name"),
)
"""Columns that may hold the images' names, the likeliest first."""


def recognises(source: Source) -> bool:
    if source.table is not None or labels_beside_images.recognises(source) or labels_table.recognises(source):
        return False
    name, folder = _table(source), _folder(source)
    if name is None or folder is None:
        return False
    try:
        return _column(read_table(source, name, header_only=True)) is not None
    except DataError:
        return False  # another kind of .csv


def read(source: Source, config: DataConfig) -> pd.DataFrame:
    name, folder = _table(source), _folder(source)
    if name is None or folder is None:
        raise DataError(f"data.source: {source} holds no table of names beside a folder of images: {LAYOUT}")
    table = read_table(source, name)
    column = _column(table)
    if column is None:
        raise DataError(
            f"data.source: {source}: {name} has no column for the images' names ({listed(NAMES, 4)}); it has "
            f"{listed(table.columns, 20)}"
        )
    rows = pick_labels(table, config, where=f"{source}: {name}", trains=True)
    there = _by_name(source, folder)
    rows["path"] = [there.get(image, str(PurePosixPath(folder) / image)) for image in table[column]]
    if not rows["path"].isin(set(there.values())).any():
        raise DataError(
            f"data.source: {source}: {folder}/ holds none of the images that {name} names in {column}: "
            f"{listed(table[column].tolist(), 3)}"
        )
    return rows


def remarks(source: Source, rows: pd.DataFrame, config: DataConfig) -> Remarks:
    name, folder = _table(source), _folder(source)
    assert name is not None and folder is not None
    columns = read_table(source, name, header_only=True).columns.tolist()
    others = [
        path.parts[0] for path in source.kinds.images if len(path.parts) > 1 and path.parts[0] != folder
    ]
    unlisted = len(_paths(source, folder)) - int(rows["path"].isin(_paths(source, folder)).sum())
    return Remarks(
        folders_passed_over=dict(pd.Series(others, dtype=object).value_counts()),
        unlisted_images=unlisted,
        notes=(
            f"The labels are those of {name}, the images those in {folder}/.",
            *clean_column_notice(columns, config, name),
        ),
    )


def _table(source: Source) -> str | None:
    tables = [name for name in source.top if name.lower().endswith(TABLES)]
    for_training = [name for name in tables if split_word(PurePosixPath(name).stem) == "train"]
    others = [name for name in tables if not _is_for_testing(name)]
    if len(for_training) == 1:
        return for_training[0]
    return others[0] if len(others) == 1 else None


def _is_for_testing(table: str) -> bool:
    stem = PurePosixPath(table).stem.lower()
    return split_word(stem) in ("val", "test") or "submission" in stem


def _folder(source: Source) -> str | None:
    """The folder of the training images, if they lie in it directly."""
    tops = {path.parts[0] for path in source.kinds.images if len(path.parts) > 1}
    candidates = [top for top in tops if split_word(top) == "train"]
    candidates = candidates or [top for top in tops if top.lower() in IMAGE_FOLDERS]
    if len(candidates) != 1:
        return None
    is_flat = all(len(path.parts) == 2 for path in source.kinds.images if path.parts[0] == candidates[0])
    return candidates[0] if is_flat else None


def _column(table: pd.DataFrame) -> str | None:
    columns = {str(column).lower(): str(column) for column in reversed(table.columns)}
    return next((columns[name] for name in NAMES if name in columns), None)


def _paths(source: Source, folder: str) -> list[str]:
    return [str(path) for path in source.kinds.images if path.parts[0] == folder]


def _by_name(source: Source, folder: str) -> dict[str, str]:
    """Name with or without the ending, or with the folder -> path. A stem that is not unique is left out."""
    paths = [PurePosixPath(path) for path in _paths(source, folder)]
    stems = pd.Series([path.stem for path in paths], dtype=object)
    unique = ~stems.duplicated(keep=False)
    named = {path.stem: str(path) for path, is_one in zip(paths, unique, strict=True) if is_one}
    return named | {path.name: str(path) for path in paths} | {str(path): str(path) for path in paths}
