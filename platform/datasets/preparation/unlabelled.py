"""Images without labels, as prediction reads them: below a folder or in a zip, a block at a time.

N: images of a block, K: those of them that can be read.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pandas as pd

from platform.datasets.preparation.manifest import UNKNOWN
from platform.datasets.preparation.data import Data
from platform.datasets.images.decode import BadImage, Decoded, DecodeJob, decode_here
from platform.datasets.errors import DataError, listed
from platform.datasets.geometry import KeptSize
from platform.datasets.readers.class_folders import EXTENSIONS, images_of
from platform.datasets.sources.source import EMBEDDED, Source, ZipSource, open_source
from platform.datasets.splits import Ints

BLOCK = 1024
"""Images decoded at a time, so that what is in memory does not grow with the folder."""

SPLIT: Final = "test"
"""The split that all images of a block are in."""


@dataclass(frozen=True)
class Block:
    """``data`` holds the K images; ``good`` [K] their places among the N ``paths``."""

    paths: tuple[str, ...]
    good: Ints
    bad: tuple[BadImage, ...]
    data: Data


def open_images(text: str) -> Source:
    """The folder or zip that the user named; raises :class:`DataError` where there is none.

    Unlike the source of a sweep's data, a zip keeps the folders that wrap all of it, and ``digits`` and
    ``figures`` are folders like any others.
    """
    path = Path(text).expanduser()
    if path.is_file() and path.suffix.lower() != ".zip":
        raise DataError(f"{text}: is a file that is no .zip; images are read from a folder or a zip")
    try:
        source = open_source(f"./{text}" if text in EMBEDDED else text)
        return ZipSource(source.path, text, prefix="") if isinstance(source, ZipSource) else source
    except DataError as error:
        raise DataError(str(error).removeprefix("data.source: ")) from error


def image_paths(source: Source) -> tuple[str, ...]:
    """All images at any depth by their extension, sorted; raises :class:`DataError` where there are none."""
    paths = tuple(str(path) for path in images_of(source))
    if not paths:
        raise DataError(f"{source}: holds no images (files that end in {listed(EXTENSIONS, 6)})")
    return paths


def read_blocks(
    source: Source, paths: Sequence[str], kept: KeptSize, classes: tuple[str, ...]
) -> Iterator[Block]:
    """The images at ``paths``, decoded once, in their order; ``classes`` are those to choose from."""
    for start in range(0, len(paths), BLOCK):
        some = tuple(paths[start : start + BLOCK])
        decoded = decode_here(DecodeJob(source, some, kept))
        yield Block(some, decoded.good, decoded.bad, _without_labels(some, decoded, classes))


def _without_labels(paths: tuple[str, ...], decoded: Decoded, classes: tuple[str, ...]) -> Data:
    """``mean`` and ``std`` change nothing: those to use come with whatever predicts."""
    # as objects: pandas' own strings cannot hold names that are not UTF-8
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
