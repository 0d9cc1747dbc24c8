"""What an image file says of itself: format, size, ending, and whether it ends where its format ends."""

import io
from dataclasses import dataclass
from typing import Final

from PIL import Image

from platform.datasets.sources.file_kinds import HEAD_BYTES, image_format
from platform.datasets.sources.image_decoding import DAMAGED, ORIENTATION_TAG, SIDEWAYS, UPRIGHT, opened

_FORMATS: Final = {"MPO": "JPEG", "JPEG2000": "JPEG 2000", "WEBP": "WebP"}
"""Pillow's names of formats that are called otherwise here."""
ENDINGS: Final = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "PNG": (".png",),
    "WebP": (".webp",),
    "GIF": (".gif",),
    "BMP": (".bmp",),
    "TIFF": (".tif", ".tiff"),
    "AVIF": (".avif",),
    "JPEG 2000": (".jp2",),
    "JPEG XL": (".jxl",),
    "HEIC": (".heic", ".heif"),
    "PPM": (".ppm", ".pgm", ".pbm"),
    "TGA": (".tga",),
}
"""The endings that fit each format."""
_SEGMENT, _START_OF_SCAN, _END_OF_IMAGE = b"\xff", 0xDA, b"\xff\xd9"
_ALONE = (0x01, *range(0xD0, 0xD9))
"""Markers of JPEG without a length behind them."""
_BITS_TAG = 0x0102  # BitsPerSample of TIFF
_GREY_MODES = ("1", "L", "LA", "I", "F")


@dataclass(frozen=True)
class FileFacts:
    """The header of a file that can be opened.

    Attributes:
        width: Of the upright image, px.
        exif_turned: Whether EXIF says that the stored image is to be turned or mirrored.
        animated: Whether it has more than one frame or page.
        is_grey: Whether it has one channel, besides transparency.
    """

    format: str
    width: int
    height: int
    exif_turned: bool
    alpha: bool
    animated: bool
    sixteen_bit: bool
    is_grey: bool


def file_facts(content: bytes, max_pixels: int) -> FileFacts:
    """Read the header; raises :class:`UnreadableImage` as :func:`opened` does."""
    with opened(content, max_pixels) as image:
        orientation = _orientation(image)
        width, height = image.size[::-1] if orientation in SIDEWAYS else image.size
        return FileFacts(
            format=_FORMATS.get(image.format or "", image.format or ""),
            width=width,
            height=height,
            exif_turned=orientation in UPRIGHT,
            alpha=bool(image.has_transparency_data),
            animated=_is_animated(image),
            sixteen_bit=_has_sixteen_bits(image, content),
            is_grey=image.mode in _GREY_MODES or image.mode.startswith("I;16"),
        )


def told_format(content: bytes) -> str:
    """The format that the first bytes tell, of a file that cannot be opened, too; '' for none."""
    return image_format(content[:HEAD_BYTES]) or ""


def wrong_ending(ending: str, file_format: str) -> str:
    """How a name's ending (:func:`ending_of`) misleads about the format; '' if it does not."""
    fitting = ENDINGS.get(file_format, ())
    if not fitting or ending in fitting:
        return ""
    named = f"ends in {ending}" if ending else "has no ending"
    return f"the name {named}, and the file is {file_format}"


def ends_early(content: bytes, file_format: str) -> bool:
    """Whether what a format ends with is missing: the last rows may be lost, though a decoder found enough.

    Cameras and editors write behind the end, so it is looked for from the start.
    """
    if file_format == "JPEG":
        return content.find(_END_OF_IMAGE, _first_scan(content)) < 0
    if file_format == "PNG":
        return b"IEND" not in content
    if file_format == "WebP":
        return int.from_bytes(content[4:8], "little") + 8 > len(content)
    return False


def _first_scan(content: bytes) -> int:
    """Where a JPEG's pixels begin: behind its metadata, which may hold a whole JPEG as a thumbnail."""
    place = 2
    while content[place : place + 1] == _SEGMENT and place + 4 <= len(content):
        kind = content[place + 1]
        if kind == _START_OF_SCAN:
            return place
        if kind == 0xFF:  # padding
            place += 1
        elif kind in _ALONE:
            place += 2
        else:
            place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    return min(place, len(content))


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except DAMAGED:
        return 1  # as the decoder takes it


def _is_animated(image: Image.Image) -> bool:
    """MPO holds the same photograph in several sizes."""
    if image.format == "MPO":
        return False
    try:
        return bool(getattr(image, "is_animated", False))
    except DAMAGED:
        return False  # the frames behind the first are damaged: only the first is ever read


def _has_sixteen_bits(image: Image.Image, content: bytes) -> bool:
    """Also of colours, which the decoder makes 8-bit without a word."""
    if image.mode == "I" or image.mode.startswith("I;16"):
        return True
    if image.format == "PNG":
        return content[12:16] == b"IHDR" and content[24:25] == b"\x10"
    if image.format != "TIFF":
        return False
    try:
        bits = image.getexif().get(_BITS_TAG, 8)
    except DAMAGED:
        return False  # the pixels may be intact
    return 16 in (bits if isinstance(bits, tuple) else (bits,))


def as_thumbnail(picture: Image.Image) -> bytes:
    """A small picture as a file: PNG where JPEG's blocks would be seen."""
    kept = io.BytesIO()
    if max(picture.size) <= _LOSSLESS_SIDE:
        picture.save(kept, "PNG", optimize=True)
    else:
        picture.save(kept, "JPEG", quality=_QUALITY)
    return kept.getvalue()


_LOSSLESS_SIDE, _QUALITY = 32, 80
