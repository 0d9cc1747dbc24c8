"""Cut crop windows from images. B: batch, S x T: height and width of a crop (px)."""

from typing import Literal

import numpy as np
import torch
from torch.nn import functional

from platform.datasets.arrays import Ints, Pixels
from platform.datasets.image_size import Size

Padding = Literal["constant", "edge", "reflect"]


def cut(image: Pixels, box: Ints, size: Size) -> Pixels:
    """Cut ``box`` (top, left, height, width) from an image [H, W, 3] and resize it to [S, T, 3].

    Bilinear with antialiasing, as torchvision's Resize; nothing is computed if the size is right already.
    """
    top, left, height, width = (int(number) for number in box)
    window = image[top : top + height, left : left + width]
    if (height, width) == size:
        return window
    # torch's kernel is three times as fast as Pillow's but needs a writable array, hence the copy
    pixels = torch.from_numpy(window.copy()).permute(2, 0, 1)[None]
    resized = functional.interpolate(pixels, size, mode="bilinear", antialias=True)
    crop: Pixels = resized[0].permute(1, 2, 0).numpy()
    return crop


def mirrored(crop: Pixels) -> Pixels:
    """A crop [S, T, 3] with left and right exchanged."""
    # NumPy's reversed copy moves 3 bytes at a time and takes 15 times as long
    flipped: Pixels = torch.from_numpy(crop if crop.flags.writeable else crop.copy()).flip(1).numpy()
    return flipped


def shifted(positions_BS: Ints, side: int, mode: Padding) -> Ints:
    """Map ``positions`` that may lie outside 0 … side - 1 into that range, as the padding mode says."""
    if mode == "reflect" and side > 1:
        positions_BS = positions_BS % (2 * (side - 1))
        return np.minimum(positions_BS, 2 * (side - 1) - positions_BS)
    return positions_BS.clip(0, side - 1)


class Gather:
    """Shifted and flipped crop windows of many images of one size, with one indexing operation per batch.

    ``pixels`` [M, H, W, 3]. The canvas is the part of each image whose corner is at (top, left); windows of
    ``size`` (S, T) are shifted from that corner. Outside the canvas is padding, even inside the image.
    """

    def __init__(
        self, pixels: Pixels, corner: tuple[int, int], canvas: Size, size: Size, mode: Padding
    ) -> None:
        self.height, self.width = pixels.shape[1:3]
        self.flat = pixels.reshape(-1, 3)
        self.top, self.left = corner
        self.canvas, self.size, self.mode = canvas, size, mode

    def __call__(self, places_B: Ints, shifts_B2: Ints, flip_B: np.ndarray) -> Pixels:
        """The crops [B, S, T, 3] of the images at ``places``."""
        canvas, mode = self.canvas, self.mode
        y_BS = np.arange(self.size.height) + shifts_B2[:, :1]
        along_T = np.arange(self.size.width)
        x_BT = np.where(flip_B[:, None], along_T[::-1], along_T) + shifts_B2[:, 1:]
        rows_BS = (places_B * self.height)[:, None] + shifted(y_BS, canvas.height, mode) + self.top
        columns_BT = shifted(x_BT, canvas.width, mode) + self.left
        indices = rows_BS[:, :, None] * self.width + columns_BT[:, None, :]
        # "clip" because every index is in range, and NumPy then writes straight to the result
        crops: Pixels = np.take(self.flat, indices, axis=0, mode="clip")
        if mode == "constant" and shifts_B2.any():
            crops[_outside(y_BS, canvas.height)[:, :, None] | _outside(x_BT, canvas.width)[:, None, :]] = 0
        return crops


def _outside(positions_BS: Ints, side: int) -> np.ndarray:
    return np.asarray((positions_BS < 0) | (positions_BS >= side))
