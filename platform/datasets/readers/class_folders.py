"""A folder a class, at the top or inside ``train``, ``val`` and ``test``.

An image's class is the first folder level (below the split's): folders inside a class's folder belong to
it. Files that are no images by their extension are not looked at. Images of ``data.unlabelled_folder``,
which lies beside the classes' folders, have no label.
"""

from pathlib import PurePosixPath

import pandas as pd

from platform.config.errors import did_you_mean
from platform.datasets.tables.label_columns import only_one_label
from platform.datasets.data_config import DataConfig
from platform.datasets.sources.embedded_digits import NAME as DIGITS
from platform.datasets.errors import DataError, listed
from platform.datasets.tables.identity_layout import is_divided
from platform.datasets.readers import labels_beside_images, labels_table
from platform.datasets.sources.source import Source
from platform.datasets.splits import SPLIT_NAMES
from platform.datasets.tables.table_files import MISSING

LAYOUT = "a folder a class, or train/, val/ and test/ with a folder a class"
EXTENSIONS = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".jp2", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    *(".avif", ".tga", ".ppm", ".pgm", ".pbm"),
)


def recognises(source: Source) -> bool:
    if source.table is not None or source.name == DIGITS or labels_beside_images.recognises(source):
        return False
    images = images_of(source)
    if is_divided(images):
        return False  # identities, not classes
    depth = 2 if _has_splits(images) else 1
    classes = {path.parts[depth - 1] for path in images if len(path.parts) > depth}
    # one folder of images beside a table of them is no class
    return len(classes) > 1 or (len(classes) == 1 and not labels_table.recognises(source))


def read(source: Source, config: DataConfig) -> pd.DataFrame:
    only_one_label(config, "class folders")
    images = images_of(source)
    has_splits = _has_splits(images)
    depth = 2 if has_splits else 1
    loose = [str(path) for path in images if len(path.parts) <= depth]
    if loose:
        raise DataError(f"data.source: {source}: {listed(loose, 3)} lie in no class's folder")
    labels = pd.Series([path.parts[depth - 1] for path in images])
    if config.unlabelled_folder is not None:
        labels = _without(labels, config.unlabelled_folder, source)
    rows = pd.DataFrame({"path": [str(path) for path in images], "label": labels})
    if has_splits:
        rows["split"] = [SPLIT_NAMES[path.parts[0].lower()] for path in images]
        return rows
    _refuse_forgotten_splits(source, set(rows["label"]))
    return rows


def _without(labels: pd.Series, folder: str, source: Source) -> pd.Series:
    """``labels`` in which ``folder`` is none."""
    if not (labels == folder).any():
        hint = did_you_mean(folder, sorted(labels.unique()))
        raise DataError(f"data.unlabelled_folder: {source} has no images in a folder {folder!r}{hint}")
    return labels.mask(labels == folder, MISSING)


def images_of(source: Source) -> list[PurePosixPath]:
    """The source's files that are images by their extension."""
    return [path for path in map(PurePosixPath, source.files) if path.suffix.lower() in EXTENSIONS]


def _has_splits(images: list[PurePosixPath]) -> bool:
    """All that holds images are folders named after splits, ``train`` among them."""
    tops = {path.parts[0].lower() for path in images}
    return "train" in tops and tops <= set(SPLIT_NAMES)


def _refuse_forgotten_splits(source: Source, labels: set[str]) -> None:
    """``train`` may be a class among others (beside bus and car), but not beside ``test``."""
    splits = sorted(label for label in labels if label.lower() in SPLIT_NAMES)
    if len(splits) > 1:
        others = listed(sorted(labels - set(splits)), 3)
        raise DataError(
            f"data.source: {source} holds the splits {', '.join(splits)} and beside them images in {others}: "
            "move those away, or list the images in a CSV"
        )
