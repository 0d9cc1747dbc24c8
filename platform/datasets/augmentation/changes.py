"""Types of the functions that change images, and choices made from random numbers in [0, 1).

B: images, S x T: their height and width (px).
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Draws = Sequence[float]
"""An image's random numbers."""
PictureChange = Callable[[Tensor, Draws], Tensor]
"""Augment one image [3, S, T] uint8."""
Change = Callable[[Tensor, Sequence[Draws]], Tensor]
"""Augment a batch [B, 3, S, T] uint8; an image's result depends on its own random numbers only."""


def one_by_one(change: PictureChange) -> Change:
    def change_all(images: Tensor, draws: Sequence[Draws]) -> Tensor:
        return torch.stack([change(image, own) for image, own in zip(images, draws, strict=True)])

    return change_all


def place(draw: float, places: int) -> int:
    """An index in 0 … places - 1, each as likely."""
    return int(draw * places)


def between(ends: tuple[float, float], draw: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * draw


def log_between(ends: tuple[float, float], draw: float) -> float:
    return math.exp(between((math.log(ends[0]), math.log(ends[1])), draw))
