"""Brightness, blur and information of one picture: the measures of CleanVision, from their definitions.

Each is in [0, 1], and low is bad. On the same pixels they equal those of cleanvision 0.3 to rounding. The
pixels here are those that were decoded: upright, on white where transparent, and smaller than the file's
where both of its sides exceed :data:`~platform.datasets.audit.scan.one_image.WHOLE_SIDE`.
"""

import math
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter

Floats = npt.NDArray[np.float64]

RED, GREEN, BLUE = 0.241, 0.691, 0.068
"""Weights of the squared channels in the perceived brightness."""
DARK_PERCENTILE, LIGHT_PERCENTILE = 99, 5
ENTROPY_FACTOR: Final = 0.1
BLUR_FACTOR, LEAST_SPREAD = 0.01, 0.18
SMALL_SIDE: Final = 64
"""px of the longer side at which blur is measured; pictures of the pages have it, too."""
IQR_FACTOR: Final = 3.0

_SQUARES = np.arange(256, dtype=np.float64) ** 2
_LEVELS = [(weight * _SQUARES).astype(np.float32) for weight in (RED, GREEN, BLUE)]


def dark_and_light(picture: Image.Image) -> tuple[float, float]:
    """The 99th percentile of the brightness, and one minus its 5th percentile.

    A pixel's brightness is sqrt(0.241 R² + 0.691 G² + 0.068 B²) / 255.
    """
    pixels = np.asarray(picture).reshape(-1, 3)
    squared = _LEVELS[0][pixels[:, 0]]
    squared += _LEVELS[1][pixels[:, 1]]
    squared += _LEVELS[2][pixels[:, 2]]
    last = len(squared) - 1
    places = [last * percent / 100 for percent in (LIGHT_PERCENTILE, DARK_PERCENTILE)]
    around = sorted({int(bound) for place in places for bound in (math.floor(place), math.ceil(place))})
    squared.partition(around)
    low, high = (_between(squared, place) for place in places)
    return min(high, 1.0), min(max(1 - low, 0.0), 1.0)


def _between(squared: npt.NDArray[np.float32], place: float) -> float:
    """The brightness at this place of the order, interpolated as :func:`numpy.percentile` does."""
    below, above = (
        math.sqrt(float(squared[int(bound)])) / 255 for bound in (math.floor(place), math.ceil(place))
    )
    return below + (above - below) * (place - math.floor(place))


def low_information(picture: Image.Image, *, is_grey: bool) -> float:
    """A tenth of the entropy (bits) of the histogram, at most 1: of one channel if the file has only one."""
    histogram = picture.histogram()
    counts = np.array(histogram[:256] if is_grey else histogram, dtype=np.float64)
    shares = counts[counts > 0] / counts.sum()
    return min(max(ENTROPY_FACTOR * float(-(shares * np.log2(shares)).sum()), 0.0), 1.0)


def small(picture: Image.Image) -> Image.Image:
    """The picture with a longer side of at most :data:`SMALL_SIDE` px."""
    ratio = max(picture.size) / SMALL_SIDE
    if ratio <= 1:
        return picture
    width, height = (max(int(side // ratio), 1) for side in picture.size)
    return picture.resize((width, height))


def blurry(small_picture: Image.Image) -> float:
    """How strong the edges are, plus how unequal the histogram's counts are if that is above 0.18; at most 1.

    Of each the standard deviation s becomes 1 - exp(-s / 100).

    Args:
        small_picture: From :func:`small`.
    """
    grey = small_picture.convert("L")
    edges = np.asarray(grey.filter(ImageFilter.FIND_EDGES), dtype=np.float64)
    sharpness = 1 - math.exp(-BLUR_FACTOR * float(edges.std()))
    spread = 1 - math.exp(-BLUR_FACTOR * float(np.std(grey.histogram())))
    return min(sharpness + (spread if spread > LEAST_SPREAD else 0.0), 1.0)


def odd_shape(width: int, height: int) -> float:
    """The shorter side over the longer one."""
    return min(width / height, height / width)


def odd_size(width_N: npt.NDArray[np.int32], height_N: npt.NDArray[np.int32]) -> Floats:
    """[N]: how near sqrt(width x height) is to the middle of what is usual among the images.

    Usual is from three interquartile ranges below the first quartile to as many above the third. At its ends
    the measure is 0.5. Where the quartiles are equal, it is one minus the relative distance to them.
    """
    size_N = np.sqrt(width_N.astype(np.float64)) * np.sqrt(height_N.astype(np.float64))
    if not len(size_N):
        return size_N
    first, third = np.percentile(size_N, [25, 75])
    low, high = first - IQR_FACTOR * (third - first), third + IQR_FACTOR * (third - first)
    unit = high - low if high > low else (low + high) / 2
    value_N: Floats = 1 - np.clip(np.abs(size_N - (low + high) / 2) / unit, 0, 1)
    return value_N
