"""The embedded data set: scikit-learn's copy of the UCI handwritten digits, real scans of 8x8 px.

Reads the file inside scikit-learn that ``sklearn.datasets.load_digits`` reads. Importing ``sklearn.datasets``
takes 1.2 s, too long for ``--plan``.
"""

import io
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from PIL import Image

from platform.datasets.data_config import DIGITS
from platform.datasets.errors import DataError

NAME = DIGITS
SIDE = 8  # px
LEVELS = 16  # the brightest grey value
TEST_SHARE = 0.2  # the set has no test split, so this share is held out


@cache
def _table() -> npt.NDArray[np.int64]:
    """[1797, 65]: the 64 grey values 0..16 of each scan, row by row, and its digit."""
    spec = find_spec("sklearn")
    if spec is None or spec.origin is None:
        raise DataError("data.source: digits are part of scikit-learn, which is not installed")
    file = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"
    if not file.exists():
        raise DataError(f"data.source: this scikit-learn keeps no digits at {file}")
    return pd.read_csv(file, header=None).to_numpy(dtype=np.int64)


def labels() -> list[str]:
    return [str(digit) for digit in _table()[:, -1]]


def path(index: int) -> str:
    return f"{index:04d}.png"


def png(path: str) -> bytes:
    """One scan as a greyscale PNG file: 0 is black, 16 white."""
    values = _table()[int(path.removesuffix(".png")), :-1].reshape(SIDE, SIDE)
    file = io.BytesIO()
    Image.fromarray((values * 255 // LEVELS).astype(np.uint8)).save(file, "png")
    return file.getvalue()
