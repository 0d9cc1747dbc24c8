"""Open images to see what they are: size, format, content, or why they cannot be read."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from PIL import Image

from platform.datasets.geometry import KeptSize
from platform.datasets.image_size import Size
from platform.datasets.images.decode import Progress
from platform.datasets.sources.image_decoding import (
    UnreadableImage,
    decode_image,
    opened,
    quieten_pillow,
)
from platform.datasets.sources.source import Source

AT_ONCE = 8
THUMBNAIL = 96
"""px of a thumbnail's shorter side."""


@dataclass(frozen=True)
class Opened:
    """A file that was read whole.

    Attributes:
        digest: SHA-256 of its bytes; '' if there are none.
        size: Height and width as stored, px; None if it cannot be read.
        reason: Why it cannot be read; '' if it can.
    """

    path: str
    digest: str = ""
    size: Size | None = None
    format: str = ""
    reason: str = ""


def open_images(
    source: Source, paths: Sequence[str], kept: KeptSize, progress: Progress | None = None
) -> list[Opened]:
    """Read and decode the files, in the order of ``paths``; ``progress``: see :func:`prepare`."""
    quieten_pillow()
    found = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for one in pool.map(lambda path: _opened(source, path, kept), paths):
            found.append(one)
            if progress is not None:
                progress(len(found), len(paths))
    return found


def thumbnails(source: Source, paths: Sequence[str], kept: KeptSize) -> list[Image.Image]:
    """Small versions of images that can be read."""
    quieten_pillow()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(lambda path: decode_image(source.read(path, kept.max_bytes), kept), paths))


def _opened(source: Source, path: str, kept: KeptSize) -> Opened:
    try:
        content = source.read(path, kept.max_bytes)
    except OSError as error:
        return Opened(path, reason=f"cannot be read: {error.strerror or error}")
    digest = hashlib.sha256(content).hexdigest() if content else ""
    try:
        decode_image(content, kept)
    except UnreadableImage as error:
        return Opened(path, digest, reason=str(error))
    with opened(content, kept.max_pixels) as image:
        return Opened(path, digest, Size(image.height, image.width), image.format or "")
