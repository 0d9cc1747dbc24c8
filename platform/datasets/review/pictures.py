"""Images of a source as small JPEG or PNG files for the page: always decoded and encoded again."""

import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath

from PIL import Image

from platform.datasets.geometry import KeptSize
from platform.datasets.review.audited import Audited
from platform.datasets.sources.image_decoding import UnreadableImage, decode_image, quieten_pillow

SMALL = 128
"""px of the longer side up to which a picture is a PNG, without loss."""
KEPT = 256
"""Encoded pictures in memory: of the images before and after the one that is shown."""


@dataclass(frozen=True)
class Picture:
    """``kind``: its media type."""

    kind: str
    content: bytes


class Pictures:
    """The pictures of an audit's images, by their row."""

    def __init__(self, audited: Audited, rows: set[int]) -> None:
        """``rows``: those that may be asked for."""
        self._audited, self._rows = audited, frozenset(rows)
        self._encoded = lru_cache(KEPT)(self._encode)

    def picture(self, row: int, side: int) -> Picture:
        """A picture of at most ``side`` px; raises :class:`UnreadableImage` with the reason."""
        if row not in self._rows:
            raise UnreadableImage("not one of the images of this review")
        return self._encoded(row, side)

    def _encode(self, row: int, side: int) -> Picture:
        audited = self._audited
        path = str(audited.paths[row])
        if not self._may_be_read(path):
            raise UnreadableImage("its path leads out of the source")
        kept = audited.data.reading(KeptSize.exactly(side))
        try:
            content = audited.source.read(path, kept.max_bytes)
        except OSError as error:
            raise UnreadableImage(str(error.strerror or error)) from error
        quieten_pillow()
        return encoded(decode_image(content, kept), side)

    def _may_be_read(self, path: str) -> bool:
        """A user's own table may name images anywhere; nothing else lists a path out of its source."""
        parts = PurePosixPath(path)
        return self._audited.source.table is not None or not (parts.is_absolute() or ".." in parts.parts)


def encoded(image: Image.Image, side: int) -> Picture:
    """The image within ``side`` px, without what its file said besides the pixels."""
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    image.info = {}  # a comment and a colour profile would be written along
    content = io.BytesIO()
    if max(image.size) <= SMALL:
        image.save(content, "PNG")
        return Picture("image/png", content.getvalue())
    image.save(content, "JPEG", quality=85)
    return Picture("image/jpeg", content.getvalue())
