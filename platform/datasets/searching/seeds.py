"""Examples of noise: which images of an audit they are, and those that are none of it."""

import hashlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from PIL import Image

from platform.config.errors import UserError, did_you_mean
from platform.datasets.arrays import Ints
from platform.datasets.errors import DataError, counted, listed
from platform.datasets.geometry import KeptSize
from platform.datasets.preparation.unlabelled import image_paths, open_images
from platform.datasets.sources.image_decoding import FORMATS, UnreadableImage, decode_image
from platform.datasets.sources.source import TABLES, FolderSource
from platform.datasets.tables.table_files import read_table

LISTS: Final = (".txt", *TABLES)
SIDE: Final = 64
"""px of the shorter side of an example that is no image of the audit; thumbnails are no larger."""


@dataclass(frozen=True)
class Seeds:
    """``rows``: those of images.parquet that are examples; ``others``: other image files, decoded."""

    rows: Ints
    others: tuple[Image.Image, ...]
    names: tuple[str, ...]
    """Of the rows, then of the others."""

    def __len__(self) -> int:
        return len(self.names)


def find_seeds(place: Path, images: pd.DataFrame) -> Seeds:
    """The examples of ``--seeds``: a list of paths in the source, or image files.

    ``images``: ``path`` and ``sha256`` of images.parquet. A file with the bytes of an image there is that
    image. Raises UserError where there are none.
    """
    if not place.exists():
        raise UserError(f"--seeds: {place} does not exist")
    if place.is_file() and place.suffix.lower() in LISTS:
        return _listed(place, images)
    try:
        source = open_images(str(place))
        paths = image_paths(source)
    except DataError as error:
        raise UserError(f"--seeds: {error}") from error
    there = {sha: row for row, sha in enumerate(images["sha256"]) if sha}
    rows: dict[int, str] = {}
    others: list[tuple[str, Image.Image]] = []
    bad: list[str] = []
    for path in paths:
        try:
            content = source.read(path)
            row = there.get(hashlib.sha256(content).hexdigest())
            if row is None:
                others.append((path, _decoded(content)))
            else:
                rows[row] = images["path"].iloc[row]
        except (OSError, UnreadableImage):
            bad.append(path)
    if not rows and not others:
        raise UserError(
            f"--seeds: {place}: none of {counted(len(bad), 'image')} can be read: {listed(bad, 3)}"
        )
    ordered = sorted(rows)
    names = [*(rows[row] for row in ordered), *(name for name, _ in others)]
    return Seeds(np.array(ordered, dtype=np.int64), tuple(image for _, image in others), tuple(names))


def _listed(file: Path, images: pd.DataFrame) -> Seeds:
    if file.suffix.lower() == ".txt":
        names = [line.strip() for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]
    else:
        table = read_table(FolderSource(file.absolute().parent, str(file)), file.name)
        if "path" not in table:
            raise UserError(f"--seeds: {file} has no column 'path'")
        names = table["path"].tolist()
    if not names:
        raise UserError(f"--seeds: {file} lists no images")
    rows = pd.Index(images["path"]).get_indexer(pd.Index(names))
    if (rows < 0).any():
        first = names[int(np.flatnonzero(rows < 0)[0])]
        near = did_you_mean(first, images["path"].tolist())
        raise UserError(f"--seeds: {file}: {first} is no image of the audit{near}")
    unique = np.unique(rows)
    return Seeds(unique, (), tuple(images["path"].iloc[unique]))


def _decoded(content: bytes) -> Image.Image:
    return decode_image(content, KeptSize.exactly(SIDE))


def picture_of(content: bytes) -> Image.Image:
    """A thumbnail of thumbnails.parquet."""
    return Image.open(BytesIO(content), formats=FORMATS).convert("RGB")
