"""What a small picture looks like from afar, in a few numbers that copies share. E: views, S: SIDE."""

import numpy as np

from platform.datasets.arrays import Ints
from platform.datasets.audit.copies.comparing.small_pictures import COLOUR_SIDE, SIDE, Floats, SmallPictures

FREQUENCIES = 7  # of brightness, along each side; the mean is left out
COLOUR_FREQUENCIES = 2
COLOUR_WEIGHT = 0.5
CROP = 0.8  # side of the windows that are compared with whole pictures
WINDOWS = (
    (0.0, 0.0, 1.0),
    *((left * (1 - CROP) / 2, top * (1 - CROP) / 2, CROP) for top in range(3) for left in range(3)),
)
"""Left, top and side, in shares of the view: the whole view first, then three by three windows."""
CHUNK = 4096


def cosines(frequencies: int, side: int, start: float = 0.0, share: float = 1.0) -> Floats:
    """[frequencies, side]: the lowest waves of the DCT over a window of a line of ``side`` px."""
    edges = np.clip((np.arange(side + 1) / side - start) / share, 0.0, 1.0)
    waves = np.pi * np.arange(1, frequencies)[:, None]
    summed = np.sin(waves * edges) / waves  # the integral of each wave up to each edge
    return np.concatenate([np.diff(edges)[None], np.sqrt(2) * np.diff(summed)]).astype(np.float32)


def descriptors(pictures: SmallPictures, window: int, rows: slice | Ints) -> Floats:
    """[E, 54] unit vectors of a window of some views: DCT of brightness without its mean, and of colour.

    Brightness is divided by its contrast, so that a brighter or flatter copy has the same numbers.
    """
    left, top, share = WINDOWS[window]
    down, across = cosines(FREQUENCIES, SIDE, top, share), cosines(FREQUENCIES, SIDE, left, share)
    waves = down @ pictures.luma[rows].astype(np.float32) @ across.T
    size = len(waves)
    light = waves.reshape(size, FREQUENCIES**2)[:, 1:]
    light = light / np.maximum(np.linalg.norm(light, axis=1, keepdims=True), 1e-6)
    down = cosines(COLOUR_FREQUENCIES, COLOUR_SIDE, top, share)
    across = cosines(COLOUR_FREQUENCIES, COLOUR_SIDE, left, share)
    tints = down @ (pictures.colour[rows].astype(np.float32) - 128) @ across.T
    colour = COLOUR_WEIGHT * np.clip(tints.reshape(size, 2 * COLOUR_FREQUENCIES**2) / 32, -1, 1)
    found = np.concatenate([light, colour], axis=1)
    unit: Floats = found / np.linalg.norm(found, axis=1, keepdims=True)
    return unit


def mirrored(found: Floats) -> Floats:
    """The descriptors of the mirrored pictures: waves that are odd across change their sign."""
    signs = np.tile(np.where(np.arange(FREQUENCIES) % 2, -1, 1), FREQUENCIES)[1:]
    tints = np.tile(np.where(np.arange(COLOUR_FREQUENCIES) % 2, -1, 1), 2 * COLOUR_FREQUENCIES)
    return found * np.concatenate([signs, tints]).astype(np.float32)
