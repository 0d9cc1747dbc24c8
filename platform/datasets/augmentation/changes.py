"""What a change of pictures is, and what random numbers in [0, 1) choose.

B: pictures, S x T: their height and width (px).
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

Draws = Sequence[float]
"""A picture's random numbers."""
PictureChange = Callable[[Tensor, Draws], Tensor]
"""A picture [3, S, T] uint8 to a picture."""
Change = Callable[[Tensor, Sequence[Draws]], Tensor]
"""Pictures [B, 3, S, T] uint8, each with numbers of its own, to pictures: each the same in any company."""


def one_by_one(change: PictureChange) -> Change:
    def change_all(images: Tensor, draws: Sequence[Draws]) -> Tensor:
        return torch.stack([change(image, own) for image, own in zip(images, draws, strict=True)])

    return change_all


def place(draw: float, places: int) -> int:
    """0 … places - 1, each as often."""
    return int(draw * places)


def between(ends: tuple[float, float], draw: float) -> float:
    return ends[0] + (ends[1] - ends[0]) * draw


def log_between(ends: tuple[float, float], draw: float) -> float:
    return math.exp(between((math.log(ends[0]), math.log(ends[1])), draw))
