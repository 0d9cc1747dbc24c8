"""Decode a file's bytes to 8-bit RGB: upright, opaque, the first frame, no larger than needed."""

import re
import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from platform.datasets.geometry import KeptSize
from platform.datasets.sources.bounded_reads import BoundedReads, ManyPieces
from platform.datasets.sources.file_kinds import HEAD_BYTES, has_decoder, image_format, no_decoder

Pixels = npt.NDArray[np.uint8]

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "JPEG2000", "PPM", "TGA")
"""Pillow's names of the formats that are opened, whatever a file is called; JPEG stands for MPO, too. Others
start programs (EPS starts Ghostscript), or are no photographs."""

LARGE_PIXELS = 16_000_000
"""Larger images are decoded one at a time in a process: each may take a gigabyte."""

PILLOW = r"PIL\."
"""Pattern of the modules whose warnings are ignored."""

PEAK = "peak of 16 bits"
"""Key of an image's ``info``: its greatest value before 16 bits became 8. Other images have none."""

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
"""Orientations that store the height as the width."""

# What Pillow raises for damaged metadata.
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


_ONE_LARGE = threading.Lock()


class UnreadableImage(Exception):
    """A file cannot be used as an image; ``str()`` says why in a few words."""


def quieten_pillow() -> None:
    """Ignore Pillow's warnings about damaged metadata and large images: this module handles both.

    Call it before each run of decoding, because a caller may have reset the filters.
    """
    patterns = (getattr(module, "pattern", None) for _, _, _, module, _ in warnings.filters)
    if PILLOW not in patterns:
        warnings.filterwarnings("ignore", module=PILLOW)
        warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


def decode_image(content: bytes, kept: KeptSize) -> Image.Image:
    """An upright RGB image of the size that ``kept`` says; raises :class:`UnreadableImage`.

    Only :data:`FORMATS` are opened, and no image with more than ``kept.max_pixels``.

    Transparent parts become white, as in a browser. 16-bit values keep the upper 8 of ``kept.bits`` bits;
    ``info[PEAK]`` is the greatest of them. The first frame stands for an animation. Unreadable metadata is
    ignored.
    """
    try:
        with opened(content, kept.max_pixels) as image, _in_turn(image):
            shape = image.height, image.width
            if image.format in ("JPEG", "MPO"):
                _decode_smaller(image, *_kept_shape(shape, _orientation(image), kept))
            image.load()
            orientation = _orientation(image)
            height, width = _kept_shape(shape, orientation, kept)
            rgb = _rgb(image, kept.bits)
            if rgb.size != (width, height):
                rgb = rgb.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
            return rgb.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else rgb
    except (UnreadableImage, MemoryError):
        raise
    except Exception as error:  # each format's decoder raises its own: AVIF's a RuntimeError
        raise UnreadableImage(_reason(error)) from error


@contextmanager
def opened(content: bytes, max_pixels: int) -> Iterator[Image.Image]:
    """The image as its header says, before anything is decoded; raises :class:`UnreadableImage`."""
    if not content:
        raise UnreadableImage("the file is empty")
    _let_pillow_open(max_pixels)
    try:
        file = BoundedReads(content)
        image = Image.open(file, formats=FORMATS)
    except UnidentifiedImageError as error:
        raise UnreadableImage(_unknown(content)) from error
    except Image.DecompressionBombError as error:
        pixels = re.search(r"\d+", str(error))  # of twice Pillow's own limit and more
        size = f"{int(pixels[0]) / 1e6:,.0f} megapixels" if pixels else "many megapixels"
        raise UnreadableImage(_too_many(size, max_pixels)) from error
    except MemoryError:
        raise
    except Exception as error:  # each format's parser raises its own
        raise UnreadableImage(_reason(error)) from error
    with image:
        if image.width * image.height > max_pixels:
            size = f"{image.width} x {image.height} px ({image.width * image.height / 1e6:,.0f} megapixels)"
            raise UnreadableImage(_too_many(size, max_pixels))
        if image.format == "BMP":
            file.allow(2 * image.width * image.height)  # runs of pixels are read one by one
        yield image


def _let_pillow_open(max_pixels: int) -> None:
    """Raise Pillow's own limit where a setting asks for more; it holds for the whole process."""
    if Image.MAX_IMAGE_PIXELS is not None and max_pixels > Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = max_pixels


def _too_many(size: str, max_pixels: int) -> str:
    return f"{size}, more than data.max_megapixels ({max_pixels / 1e6:g})"


def _in_turn(image: Image.Image) -> AbstractContextManager[object]:
    return _ONE_LARGE if image.width * image.height > LARGE_PIXELS else nullcontext()


def _kept_shape(shape: tuple[int, int], orientation: int, kept: KeptSize) -> tuple[int, int]:
    """Height and width as stored, of an image that ``kept`` gives its upright height and width."""
    height, width = shape
    if orientation not in SIDEWAYS:
        return kept.of(height, width)
    width, height = kept.of(width, height)
    return height, width


def _decode_smaller(image: Image.Image, height: int, width: int) -> None:
    """Decode a JPEG at 1/2, 1/4 or 1/8, which is faster; twice the wanted size loses nothing."""
    if width < image.width:
        image.draft(None, (2 * width, 2 * height))


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION_TAG, 1))
    except DAMAGED:
        return 1  # the pixels are intact; cameras and editors often write damaged metadata


def _rgb(image: Image.Image, bits: int) -> Image.Image:
    if image.mode == "I" or image.mode.startswith("I;16"):
        return _upper_byte(image, bits)
    if image.mode == "F":
        raise UnreadableImage("floating-point pixels of unknown range")
    if image.has_transparency_data:
        return _on_white(image)
    return image.convert("RGB")


def _upper_byte(image: Image.Image, bits: int) -> Image.Image:
    values = np.asarray(image)
    if values.min() < 0 or values.max() > 0xFFFF:
        raise UnreadableImage("32-bit pixels of unknown range")
    if values.max() >= 1 << bits:
        raise UnreadableImage(f"a value of {values.max()}, and data.bits is {bits}")
    rgb = Image.fromarray((values >> (bits - 8)).astype(np.uint8)).convert("RGB")
    rgb.info[PEAK] = int(values.max())
    return rgb


def _on_white(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, "white")
    return Image.alpha_composite(white, rgba).convert("RGB")


def _unknown(content: bytes) -> str:
    """What a file is that no decoder takes for an image."""
    found = image_format(content[:HEAD_BYTES])
    if found is not None and not has_decoder(found):
        return no_decoder(found)
    if content.lstrip()[:9].lower().startswith((b"<!doctype", b"<html")):
        return "not an image, but an HTML page"
    return "not an image, or an unknown format"


def _reason(error: BaseException) -> str:
    words = " ".join(str(error).split())
    return words if isinstance(error, OSError | ManyPieces) and words else f"{type(error).__name__}: {words}"
