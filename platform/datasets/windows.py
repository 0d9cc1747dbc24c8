"""Cutting S x S pictures out of images. B: batch, S: image_size (px)."""

from typing import Literal

import numpy as np
import torch
from torch.nn import functional

from platform.datasets.image_decoding import Pixels
from platform.datasets.splits import Ints

Padding = Literal["constant", "edge", "reflect"]


def cut(image: Pixels, box: Ints, image_size: int) -> Pixels:
    """The window ``box`` (top, left, height, width) of an image [H, W, 3] as [S, S, 3].

    Bilinear with antialiasing, as torchvision's Resize; nothing is computed where the size is right.
    """
    top, left, height, width = (int(number) for number in box)
    window = image[top : top + height, left : left + width]
    if height == width == image_size:
        return window
    # torch's kernel is three times as fast as Pillow's, but wants a writable array: a copy of the window
    pixels = torch.from_numpy(window.copy()).permute(2, 0, 1)[None]
    resized = functional.interpolate(pixels, (image_size, image_size), mode="bilinear", antialias=True)
    picture: Pixels = resized[0].permute(1, 2, 0).numpy()
    return picture


def mirrored(picture: Pixels) -> Pixels:
    """A picture [S, S, 3] with left and right exchanged."""
    # numpy's reversed copy moves 3 bytes at a time and takes 15 times as long
    flipped: Pixels = torch.from_numpy(picture if picture.flags.writeable else picture.copy()).flip(1).numpy()
    return flipped


def shifted(positions_BS: Ints, side: int, mode: Padding) -> Ints:
    """Where pixels at ``positions``, which may lie outside 0 … side - 1, are taken from."""
    if mode == "reflect" and side > 1:
        positions_BS = positions_BS % (2 * (side - 1))
        return np.minimum(positions_BS, 2 * (side - 1) - positions_BS)
    return positions_BS.clip(0, side - 1)


class Gather:
    """Shifted and flipped S x S windows of many images of one size, in one indexing operation a batch.

    ``pixels`` [M, H, W, 3]; the S x S square whose corner is at (top, left) of each is its picture.
    """

    def __init__(self, pixels: Pixels, corner: tuple[int, int], image_size: int, mode: Padding) -> None:
        self.height, self.width = pixels.shape[1:3]
        self.flat = pixels.reshape(-1, 3)
        self.top, self.left = corner
        self.size, self.mode = image_size, mode

    def __call__(self, places_B: Ints, shifts_B2: Ints, flip_B: np.ndarray) -> Pixels:
        """[B, S, S, 3] of the images at ``places``."""
        along_S = np.arange(self.size)
        y_BS = along_S + shifts_B2[:, :1]
        x_BS = np.where(flip_B[:, None], along_S[::-1], along_S) + shifts_B2[:, 1:]
        rows_BS = (places_B * self.height)[:, None] + shifted(y_BS, self.size, self.mode) + self.top
        columns_BS = shifted(x_BS, self.size, self.mode) + self.left
        indices = rows_BS[:, :, None] * self.width + columns_BS[:, None, :]
        # clip: every index is in range, and numpy then writes straight to the result
        pictures: Pixels = np.take(self.flat, indices, axis=0, mode="clip")
        if self.mode == "constant" and shifts_B2.any():
            pictures[_outside(y_BS, self.size)[:, :, None] | _outside(x_BS, self.size)[:, None, :]] = 0
        return pictures


def _outside(positions_BS: Ints, side: int) -> np.ndarray:
    return np.asarray((positions_BS < 0) | (positions_BS >= side))
