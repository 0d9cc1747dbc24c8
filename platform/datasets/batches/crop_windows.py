"""Cutting pictures out of images. B: batch, S x T: height and width of a picture (px)."""

from typing import Literal

import numpy as np
import torch
from torch.nn import functional

from platform.datasets.sources.image_decoding import Pixels
from platform.datasets.image_size import Size
from platform.datasets.splits import Ints

Padding = Literal["constant", "edge", "reflect"]


def cut(image: Pixels, box: Ints, size: Size) -> Pixels:
    """The window ``box`` (top, left, height, width) of an image [H, W, 3] at ``size``, as [S, T, 3].

    Bilinear with antialiasing, as torchvision's Resize; nothing is computed where the size is right.
    """
    top, left, height, width = (int(number) for number in box)
    window = image[top : top + height, left : left + width]
    if (height, width) == size:
        return window
    # torch's kernel is three times as fast as Pillow's, but wants a writable array: a copy of the window
    pixels = torch.from_numpy(window.copy()).permute(2, 0, 1)[None]
    resized = functional.interpolate(pixels, size, mode="bilinear", antialias=True)
    picture: Pixels = resized[0].permute(1, 2, 0).numpy()
    return picture


def mirrored(picture: Pixels) -> Pixels:
    """A picture [S, T, 3] with left and right exchanged."""
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
    """Shifted and flipped windows of many images of one size, in one indexing operation a batch.

    ``pixels`` [M, H, W, 3]; of each the part whose corner is at (top, left) is the canvas, from whose corner
    windows of ``size`` (S, T) are shifted. What is outside the canvas is padding, even if it is in the image.
    """

    def __init__(
        self, pixels: Pixels, corner: tuple[int, int], canvas: Size, size: Size, mode: Padding
    ) -> None:
        self.height, self.width = pixels.shape[1:3]
        self.flat = pixels.reshape(-1, 3)
        self.top, self.left = corner
        self.canvas, self.size, self.mode = canvas, size, mode

    def __call__(self, places_B: Ints, shifts_B2: Ints, flip_B: np.ndarray) -> Pixels:
        """[B, S, T, 3] of the images at ``places``."""
        canvas, mode = self.canvas, self.mode
        y_BS = np.arange(self.size.height) + shifts_B2[:, :1]
        along_T = np.arange(self.size.width)
        x_BT = np.where(flip_B[:, None], along_T[::-1], along_T) + shifts_B2[:, 1:]
        rows_BS = (places_B * self.height)[:, None] + shifted(y_BS, canvas.height, mode) + self.top
        columns_BT = shifted(x_BT, canvas.width, mode) + self.left
        indices = rows_BS[:, :, None] * self.width + columns_BT[:, None, :]
        # clip: every index is in range, and numpy then writes straight to the result
        pictures: Pixels = np.take(self.flat, indices, axis=0, mode="clip")
        if mode == "constant" and shifts_B2.any():
            pictures[_outside(y_BS, canvas.height)[:, :, None] | _outside(x_BT, canvas.width)[:, None, :]] = 0
        return pictures


def _outside(positions_BS: Ints, side: int) -> np.ndarray:
    return np.asarray((positions_BS < 0) | (positions_BS >= side))
