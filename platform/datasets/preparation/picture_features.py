"""Features of images that need no training: colours and edges by position.

R: images, F: features of each, S: side of the square to which images are shrunk (px).
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

from platform.datasets.arrays import Ints
from platform.datasets.images.image_stores import Images

Features = npt.NDArray[np.float64]

SIDE = 32  # px
CELLS = 4  # along each side
ORIENTATIONS = 8
CHUNK = 1024  # images at a time: about 100 MB


def picture_features(images: Images, rows: Ints) -> Features:
    """[R, 176]: for each of 4 x 4 cells of the whole image (its aspect ignored)

    - 3 mean colours in [0, 1], and
    - the strength of edges in 8 directions of 22.5 degrees each: square roots of the summed gradient lengths
      of the brightness as shares of the image's sum, so that distances are Hellinger distances.

    A coarse form of histograms of oriented gradients (Dalal & Triggs, CVPR 2005), plus colours.
    """
    parts = [_described(images, rows[start : start + CHUNK]) for start in range(0, len(rows), CHUNK)]
    return np.concatenate(parts) if parts else np.empty((0, CELLS**2 * (3 + ORIENTATIONS)))


def _described(images: Images, rows: Ints) -> Features:
    pictures = np.stack([_shrunk(images, int(row)) for row in rows]) / 255.0
    features = np.concatenate([_cell_sums(pictures) / (SIDE // CELLS) ** 2, _edges(pictures)], axis=-1)
    return features.reshape(len(rows), -1)


def _shrunk(images: Images, row: int) -> npt.NDArray[np.uint8]:
    picture = Image.fromarray(np.asarray(images.image(row)))
    return np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR))


def _edges(pictures_RSS3: Features) -> Features:
    """[R, cells, cells, orientations]"""
    down, right = np.gradient(pictures_RSS3.mean(axis=-1), axis=(1, 2))
    turn = np.arctan2(down, right) / np.pi % 1  # an edge from dark to bright equals one from bright to dark
    place = np.minimum((turn * ORIENTATIONS).astype(np.int64), ORIENTATIONS - 1)
    lengths = np.hypot(down, right)[..., None] * (place[..., None] == np.arange(ORIENTATIONS))
    sums = _cell_sums(lengths)
    total = sums.sum(axis=(1, 2, 3), keepdims=True)
    return np.asarray(np.sqrt(sums / np.where(total > 0, total, 1)))


def _cell_sums(values_RSSK: Features) -> Features:
    cell = SIDE // CELLS
    shape = (len(values_RSSK), CELLS, cell, CELLS, cell, values_RSSK.shape[-1])
    return np.asarray(values_RSSK.reshape(shape).sum(axis=(2, 4)))
