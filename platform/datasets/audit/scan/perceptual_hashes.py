"""pHash and dHash of a picture and of its mirror image: 64 bits each, as ImageHash has them."""

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

Bits = npt.NDArray[np.bool_]

SIDE: Final = 8
SAMPLES: Final = 4 * SIDE
"""px of the square of which pHash takes the lowest frequencies."""

_SCALE = 2**20
_PLACES = (2 * np.arange(SAMPLES) + 1)[None, :] * np.arange(SIDE)[:, None]
_COSINES = np.rint(_SCALE * np.cos(np.pi * _PLACES / (2 * SAMPLES))).astype(np.int64)
"""[SIDE, SAMPLES]: the DCT as whole numbers, so that a picture has the same hash on every machine, and one of
one colour has no noise for a hash."""


def hashes(picture: Image.Image) -> tuple[int, int, int, int]:
    """pHash, pHash of the mirrored picture, dHash, dHash of the mirrored picture; bits as in ImageHash's hex.

    pHash (Krawetz, 2011): which of the 8 x 8 lowest DCT coefficients of 32 x 32 grey px exceed their median.
    dHash (Krawetz, 2013): which of 9 x 8 grey px are brighter than their left neighbour.
    """
    grey = picture.convert("L")
    square = _pixels(grey, SAMPLES, SAMPLES)
    rows = _pixels(grey, SIDE + 1, SIDE)
    return (
        _as_number(_low_frequencies(square)),
        _as_number(_low_frequencies(square[:, ::-1])),
        _as_number(rows[:, 1:] > rows[:, :-1]),
        _as_number(rows[:, :-1][:, ::-1] > rows[:, 1:][:, ::-1]),
    )


def _pixels(grey: Image.Image, width: int, height: int) -> npt.NDArray[np.int64]:
    return np.asarray(grey.resize((width, height), Image.Resampling.LANCZOS), dtype=np.int64)


def _low_frequencies(square: npt.NDArray[np.int64]) -> Bits:
    coefficients = _COSINES @ square @ _COSINES.T
    is_high: Bits = coefficients > np.median(coefficients)
    return is_high


def _as_number(bits: Bits) -> int:
    return int.from_bytes(np.packbits(bits.reshape(-1)).tobytes(), "big")
