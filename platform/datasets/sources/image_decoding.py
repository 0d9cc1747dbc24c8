"""From a file's bytes to 8-bit RGB: upright, opaque, the first frame, no larger than wanted."""

import io
import struct
import warnings
import zlib

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from platform.datasets.geometry import KeptSize

Pixels = npt.NDArray[np.uint8]

MAX_PIXELS = 89_478_485
"""Pillow's own bound for a decompression bomb: a quarter of a gigabyte of RGB."""

PILLOW = r"PIL\."
"""The modules whose warnings are not shown."""

ORIENTATION_TAG = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = (5, 6, 7, 8)
"""The orientations whose height is stored as the width."""

# What Pillow's decoders raise on damaged files of one format or another.
DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    zlib.error,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    NotImplementedError,
    Image.DecompressionBombError,
)


class UnreadableImage(Exception):
    """A file is no image that can be learnt from; ``str()`` says why in a few words."""


def quieten_pillow() -> None:
    """Pillow's warnings about damaged metadata and large images come per file; both are dealt with here.

    Called before each run of decoding rather than once, since a caller may have reset the filters.
    """
    patterns = (getattr(module, "pattern", None) for _, _, _, module, _ in warnings.filters)
    if PILLOW not in patterns:
        warnings.filterwarnings("ignore", module=PILLOW)
        warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def decode_image(content: bytes, kept: KeptSize) -> Image.Image:
    """An upright RGB image of the size that ``kept`` says; raises :class:`UnreadableImage`.

    Transparent parts turn white, as a browser shows them; 16-bit values keep their upper 8 bits; of an
    animation the first frame is taken; unreadable metadata counts as none.
    """
    if not content:
        raise UnreadableImage("the file is empty")
    try:
        with Image.open(io.BytesIO(content)) as image:
            _refuse_bomb(image)
            shape = image.height, image.width
            if image.format in ("JPEG", "MPO"):
                _decode_smaller(image, *_kept_shape(shape, _orientation(image), kept))
            image.load()
            orientation = _orientation(image)
            height, width = _kept_shape(shape, orientation, kept)
            rgb = _rgb(image)
            if rgb.size != (width, height):
                rgb = rgb.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
            return rgb.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else rgb
    except UnidentifiedImageError as error:
        raise UnreadableImage("not an image, or of an unknown format") from error
    except DAMAGED as error:
        raise UnreadableImage(_reason(error)) from error


def _kept_shape(shape: tuple[int, int], orientation: int, kept: KeptSize) -> tuple[int, int]:
    """Height and width as they are stored, of an image whose height and width are ``kept`` upright."""
    height, width = shape
    if orientation not in SIDEWAYS:
        return kept.of(height, width)
    width, height = kept.of(width, height)
    return height, width


def _decode_smaller(image: Image.Image, height: int, width: int) -> None:
    """Decoding a JPEG at 1/2, 1/4 or 1/8 costs less; twice the size that is wanted loses nothing."""
    if width < image.width:
        image.draft(None, (2 * width, 2 * height))


def _refuse_bomb(image: Image.Image) -> None:
    if image.width * image.height > MAX_PIXELS:
        raise UnreadableImage(f"{image.width} x {image.height} px: refused as a decompression bomb")


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except DAMAGED:
        return 1  # the pixels are whole; cameras and editors write damaged metadata all the time


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _upper_byte(image).convert("RGB")
    if image.mode == "F":
        raise UnreadableImage("floating-point pixels, whose range is not known")
    if image.has_transparency_data:
        return _on_white(image)
    return image.convert("RGB")


def _upper_byte(image: Image.Image) -> Image.Image:
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 0xFFFF:
        raise UnreadableImage("32-bit pixels, whose range is not known")
    return Image.fromarray((values >> 8).astype(np.uint8))


def _on_white(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(white, rgba).convert("RGB")


def _reason(error: BaseException) -> str:
    words = " ".join(str(error).split())
    return words if isinstance(error, OSError) and words else f"{type(error).__name__}: {words}"
