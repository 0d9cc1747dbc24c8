"""Read images without labels for prediction, from a folder, a zip file or one by itself, a block at a time.

N: images of a block, K: readable images among them.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pandas as pd

from platform.datasets.arrays import Ints
from platform.datasets.errors import DataError, listed
from platform.datasets.geometry import KeptSize
from platform.datasets.images.decode import BadImage, Decoded, DecodeJob, decode_here
from platform.datasets.preparation.class_codes import UNKNOWN
from platform.datasets.preparation.data import Data
from platform.datasets.sources.file_kinds import IMAGE_ENDINGS
from platform.datasets.sources.source import EMBEDDED, FolderSource, Source, ZipSource, open_source

BLOCK = 1024
"""Images decoded at a time, so that memory does not grow with the folder."""

SPLIT: Final = "test"
"""The split that all images of a block are in."""


@dataclass(frozen=True)
class Block:
    """``data`` holds the K readable images; ``good`` [K] their positions among the N ``paths``."""

    paths: tuple[str, ...]
    good: Ints
    bad: tuple[BadImage, ...]
    data: Data


class ImageFile(FolderSource):
    """A single image."""

    def __init__(self, file: Path, name: str) -> None:
        super().__init__(file.parent, name)
        self.file = file

    @cached_property
    def files(self) -> tuple[str, ...]:
        return (self.file.name,)

    def __reduce__(self) -> tuple[Any, ...]:
        return ImageFile, (self.file, self.name)


def open_images(text: str) -> Source:
    """Open the folder, zip file or image that the user named; raises :class:`DataError` if there is none.

    Unlike in ``data.source``, paths keep a zip file's wrapping folders, and ``digits`` and ``figures`` are
    ordinary folder names.
    """
    path = Path(text).expanduser()
    if path.is_file() and path.suffix.lower() != ".zip":
        return ImageFile(path, text)
    try:
        source = open_source(f"./{text}" if text in EMBEDDED else text)
        return ZipSource(source.path, text, prefix="") if isinstance(source, ZipSource) else source
    except DataError as error:
        raise DataError(str(error).removeprefix("data.source: ")) from error


def image_paths(source: Source) -> tuple[str, ...]:
    """All images by name or content, at any depth, sorted; raises :class:`DataError` if there is none.

    Those that cannot be read (HEIC, say) are among them: reading them gives the reason.
    """
    kinds = source.kinds
    others = [one.path for one in kinds.passed_over if one.is_image]
    paths = tuple(sorted([*map(str, kinds.images), *others]))
    if not paths and isinstance(source, ImageFile):
        raise DataError(f"{source}: is neither an image nor a .zip; name one, or a folder of images")
    if not paths:
        raise DataError(f"{source}: holds no images (files that end in {listed(IMAGE_ENDINGS, 6)})")
    return paths


def read_blocks(
    source: Source, paths: Sequence[str], kept: KeptSize, classes: tuple[str, ...]
) -> Iterator[Block]:
    """Decode the images at ``paths`` in their order; ``classes`` are those that a model predicts."""
    for start in range(0, len(paths), BLOCK):
        some = tuple(paths[start : start + BLOCK])
        decoded = decode_here(DecodeJob(source, some, kept))
        yield Block(some, decoded.good, decoded.bad, _without_labels(some, decoded, classes))


def _without_labels(paths: tuple[str, ...], decoded: Decoded, classes: tuple[str, ...]) -> Data:
    """``mean`` and ``std`` are neutral: prediction uses those of the trial."""
    # dtype object: pandas' strings cannot hold names that are not UTF-8
    readable = pd.Series([paths[place] for place in decoded.good], dtype=object)
    unknown = {"label": UNKNOWN, "clean": UNKNOWN, "split": SPLIT, "camera": UNKNOWN, "role": ""}
    manifest = pd.DataFrame({"path": readable, **unknown})
    return Data(
        manifest=manifest,
        classes=classes,
        images=decoded.images,
        bad=decoded.bad,
        digest=hashlib.sha256(decoded.facts.digests.tobytes()).hexdigest(),
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
    )
