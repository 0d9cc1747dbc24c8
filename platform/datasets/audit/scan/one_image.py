"""Everything that the pass finds of one file, from one read and one decoding."""

import hashlib
import math
from collections.abc import Sequence
from typing import Any, Final

from PIL import Image

from platform.datasets.audit.scan.file_facts import as_thumbnail, ends_early, file_facts, told_format
from platform.datasets.audit.scan.measures import blurry, dark_and_light, low_information, odd_shape, small
from platform.datasets.audit.scan.perceptual_hashes import hashes
from platform.datasets.geometry import KeptSize
from platform.datasets.image_size import Size
from platform.datasets.sources.file_kinds import ending_of
from platform.datasets.sources.image_decoding import UnreadableImage, decode_image, quieten_pillow
from platform.datasets.sources.source import Source

WHOLE_SIDE: Final = 255
"""px: an image is measured as it is if one of its sides is at most this."""
REDUCED_SIDE: Final = 128
"""px of the shorter side at which larger images are decoded and measured: JPEG's decoder halves them."""
READING: Final = KeptSize(limit=Size(WHOLE_SIDE, WHOLE_SIDE), side=Size(REDUCED_SIDE, REDUCED_SIDE))

Row = dict[str, Any]
"""One image's columns of :data:`~platform.datasets.audit.scan.shards.SHARD`, but for its path."""

_NOTHING: Final[Row] = {
    "readable": False,
    "reason": "",
    "ends_early": False,
    "bytes": 0,
    "sha256": "",
    "pixels": "",
    "width": 0,
    "height": 0,
    "format": "",
    "exif_turned": False,
    "alpha": False,
    "animated": False,
    "sixteen_bit": False,
    "grayscale": False,
    "dark": math.nan,
    "light": math.nan,
    "blurry": math.nan,
    "low_information": math.nan,
    "odd_shape": math.nan,
    "phash": 0,
    "phash_mirrored": 0,
    "dhash": 0,
    "dhash_mirrored": 0,
    "picture": None,
}


def rows_of(source: Source, paths: Sequence[str], reading: KeptSize) -> list[Row]:
    """One row a path, in their order. ``reading``: :data:`READING` with the limits of the data section."""
    quieten_pillow()
    return [row_of(source, path, reading) for path in paths]


def row_of(source: Source, path: str, reading: KeptSize) -> Row:
    """The columns of one file, whatever is wrong with it."""
    row = {**_NOTHING, "path": path, "ending": ending_of(path)}
    try:
        content = source.read(path, reading.max_bytes)
    except OSError as error:
        return {**row, "reason": f"cannot be read: {_in_a_line(error.strerror or str(error))}"}
    row |= {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    row["format"] = told_format(content)
    row["ends_early"] = ends_early(content, row["format"])
    try:
        facts = file_facts(content, reading.max_pixels)
        row |= {
            "format": facts.format,
            "width": facts.width,
            "height": facts.height,
            "exif_turned": facts.exif_turned,
            "alpha": facts.alpha,
            "animated": facts.animated,
            "sixteen_bit": facts.sixteen_bit,
            "grayscale": facts.is_grey,
        }
        picture = decode_image(content, reading)
    except UnreadableImage as error:
        return {**row, "reason": _in_a_line(str(error))}
    except MemoryError:
        return {**row, "reason": "too little memory to decode it"}
    return row | {"readable": True} | _measured(picture, (facts.width, facts.height), facts.is_grey)


def lost(path: str, reason: str) -> Row:
    """The row of a file that could not be looked at at all."""
    return {**_NOTHING, "path": path, "ending": ending_of(path), "reason": reason}


def _measured(picture: Image.Image, size: tuple[int, int], is_grey: bool) -> Row:
    dark, light = dark_and_light(picture)
    reduced = small(picture)
    phash, phash_mirrored, dhash, dhash_mirrored = hashes(picture)
    return {
        "pixels": _digest(picture, size),
        "dark": dark,
        "light": light,
        "blurry": blurry(reduced),
        "low_information": low_information(picture, is_grey=is_grey),
        "odd_shape": odd_shape(*size),
        "phash": phash,
        "phash_mirrored": phash_mirrored,
        "dhash": dhash,
        "dhash_mirrored": dhash_mirrored,
        "picture": as_thumbnail(reduced),
    }


def _digest(picture: Image.Image, size: tuple[int, int]) -> str:
    """SHA-256 of the full size and of the pixels as they were decoded."""
    sha = hashlib.sha256(f"{size[0]}x{size[1]}".encode())
    sha.update(picture.tobytes())
    return sha.hexdigest()


def _in_a_line(words: str) -> str:
    return " ".join(words.split())
