"""One folder per class, at the top or inside ``train``, ``val`` and ``test``.

An image's class is the first folder level (below the split's); folders inside a class's folder belong to it.
Splits may have other names (``training_set``, ``seg_test``), and a folder may wrap everything (``images/``
beside ``annotations/``). Other files are passed over. Images in ``data.unlabelled_folder``, which lies beside
the classes' folders, have no label.
"""

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

import pandas as pd

from platform.config.errors import did_you_mean
from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError, listed
from platform.datasets.readers import labels_beside_images, labels_table, named_images
from platform.datasets.remarks import Remarks
from platform.datasets.sources.embedded_digits import NAME as DIGITS
from platform.datasets.sources.source import TABLES, Source
from platform.datasets.splits import SPLITS
from platform.datasets.tables.folder_layout import (
    ANNOTATION_FOLDERS,
    IMAGE_FOLDERS,
    FolderLayout,
    folder_layout,
    inner_folders,
    refuse_misread,
    split_word,
)
from platform.datasets.tables.identity_layout import is_divided
from platform.datasets.tables.label_columns import labels_of_names, only_one_label
from platform.datasets.tables.table_files import MISSING

LAYOUT = "one folder per class, or train/, val/ and test/ with one folder per class"


def recognises(source: Source) -> bool:
    if source.table is not None or source.name == DIGITS or labels_beside_images.recognises(source):
        return False
    if is_divided(source.kinds.images):
        return False  # identities, not classes
    layout = _layout(source)
    if _is_flat_beside_annotations(layout):
        return not labels_table.recognises(source)
    if not layout.splits and len(layout.classes()) > 1:
        return not named_images.recognises(source)
    # one folder of images beside their table is not a class
    is_table = labels_table.recognises(source) or named_images.recognises(source)
    return bool(layout.images) and (bool(layout.splits) or len(layout.classes()) == 1) and not is_table


def read(source: Source, config: DataConfig) -> pd.DataFrame:
    only_one_label(config, "class folders")
    layout = _layout(source)
    loose = layout.loose()
    if _is_flat_beside_annotations(layout):
        folders = listed(sorted({path.parts[0] for path in layout.images}), 3)
        raise DataError(
            f"data.source: {source} holds images without class folders beside annotations ({folders}): list "
            "the images in a CSV with the columns path and label"
        )
    if loose:
        tables = [name for name in source.top if name.lower().endswith(TABLES)]
        hint = f", or name the table that lists them ({listed(tables, 3)}) as data.source" if tables else ""
        raise DataError(
            f"data.source: {source}: {listed(loose, 3)} are not in a class's folder; move them into one{hint}"
        )
    refuse_misread(layout, source)
    labels = pd.Series([layout.class_of(path) for path in layout.images])
    if config.unlabelled_folder is not None:
        labels = _without(labels, config.unlabelled_folder, source)
    rows = labels_of_names(labels, config).assign(path=[str(path) for path in layout.images])
    if layout.splits:
        rows["split"] = [layout.split_of(path) for path in layout.images]
    return rows


def remarks(source: Source, rows: pd.DataFrame, config: DataConfig) -> Remarks:
    """What the folders' names were taken for, and what was passed over."""
    layout = _layout(source)
    inner = inner_folders(layout)
    only_folders = {name: tuple(sorted(folders)) for name, folders in inner.items() if len(folders) > 1}
    around = "/".join(layout.images[0].parts[: layout.base])
    files = Counter(path.split("/")[layout.base - 1] for path in source.files if "/" in path)
    return Remarks(
        read_as_splits={name: split for name, split in layout.splits.items() if name.lower() not in SPLITS},
        classes_like_splits=tuple(sorted(filter(split_word, layout.classes()))),
        passed_over=source.kinds.passed_over,
        told_by_content=source.kinds.told_by_content,
        folders_passed_over={folder: files[folder] for folder in layout.passed_over},
        folders_without_images=_without_images(source, layout, rows),
        folders_of_folders=only_folders,
        tables_passed_over=tuple(name for name in source.top if name.lower().endswith(TABLES)),
        notes=(f"Everything is read below {around}/.",) if around else (),
    )


@lru_cache(maxsize=1)
def _layout(source: Source) -> FolderLayout:
    return folder_layout(source.kinds.images)


def _is_flat_beside_annotations(layout: FolderLayout) -> bool:
    """``images/1.jpg`` beside ``annotations/trimaps/1.png``: folders that would become classes."""
    tops = {path.parts[layout.base].lower() for path in layout.images if len(path.parts) > layout.base + 1}
    annotations = tops & set(ANNOTATION_FOLDERS)
    return bool(annotations) and bool(tops - annotations) and tops - annotations <= set(IMAGE_FOLDERS)


def _without_images(source: Source, layout: FolderLayout, rows: pd.DataFrame) -> tuple[str, ...]:
    """Folders where a class would be, but without an image that can be read."""

    level = layout.base + bool(layout.splits)
    with_images = {_class_folder(folder, layout) for folder in _folders(rows["path"])}
    around = {tuple(folder.split("/")[:level]) for folder in with_images}
    there = {
        _class_folder(folder, layout)
        for folder in _folders(source.files)
        if folder and folder.count("/") >= level and tuple(folder.split("/")[:level]) in around
    }
    return tuple(sorted(there - with_images))


def _folders(paths: Iterable[str]) -> set[str]:
    return {path.rpartition("/")[0] for path in paths}


def _class_folder(folder: str, layout: FolderLayout) -> str:
    parts = folder.split("/")
    return "/".join(parts[: layout.place(parts) + 1])


def _without(labels: pd.Series, folder: str, source: Source) -> pd.Series:
    """``labels`` with ``folder`` replaced by no label."""
    if not (labels == folder).any():
        hint = did_you_mean(folder, sorted(labels.unique()))
        raise DataError(f"data.unlabelled_folder: {source} has no images in a folder {folder!r}{hint}")
    return labels.mask(labels == folder, MISSING)
