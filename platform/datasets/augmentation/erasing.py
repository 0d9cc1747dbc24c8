"""Overwrite a part of an image [3, S, T] uint8. ``mean`` is the colour that normalises to zero."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from platform.datasets.augmentation.appearance_config import Cutout, RandomErasing
from platform.datasets.augmentation.changes import PictureChange, between, log_between, place
from platform.datasets.image_size import Size
from platform.datasets.images.normalise import Colour

ATTEMPTS = 10  # rectangles that are tried before the image stays unchanged, as in torchvision


@dataclass(frozen=True)
class Box:
    """In px."""

    top: int
    left: int
    height: int
    width: int


def random_erasing_change(config: RandomErasing, size: Size, mean: Colour) -> tuple[int, PictureChange]:
    """Random numbers: position (two), seed of the noise, then area and ratio of each attempt."""

    def change(image: Tensor, draws: Sequence[float]) -> Tensor:
        box = erased_box(config, size, draws)
        if box is None:
            return image
        if config.value == "noise":
            random = np.random.default_rng(round(draws[2] * 2**32))
            noise = random.integers(0, 256, (3, box.height, box.width), dtype=np.uint8)
            return _overwritten(image, box, torch.from_numpy(noise))
        return _overwritten(image, box, _flat((0.0, 0.0, 0.0) if config.value == "black" else mean))

    return 3 + 2 * ATTEMPTS, change


def erased_box(config: RandomErasing, size: Size, draws: Sequence[float]) -> Box | None:
    """As torchvision's RandomErasing: area uniform, ratio log-uniform; the first attempt that fits."""
    for attempt in range(3, 3 + 2 * ATTEMPTS, 2):
        area = size.area * between(config.scale, draws[attempt])
        ratio = log_between(config.ratio, draws[attempt + 1])
        height, width = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < height < size.height and 0 < width < size.width:
            top, left = place(draws[0], size.height - height + 1), place(draws[1], size.width - width + 1)
            return Box(top, left, height, width)
    return None


def cutout_change(config: Cutout, size: Size, mean: Colour) -> tuple[int, PictureChange]:
    def change(image: Tensor, draws: Sequence[float]) -> Tensor:
        return _overwritten(image, cutout_box(config.size, size, draws), _flat(mean))

    return 2, change


def cutout_box(side: int, size: Size, draws: Sequence[float]) -> Box:
    """The part of the square inside the image; its centre may be any pixel."""
    starts = [place(draw, px) - side // 2 for draw, px in zip(draws[:2], size, strict=True)]
    top, left = (max(start, 0) for start in starts)
    bottom, right = (min(start + side, px) for start, px in zip(starts, size, strict=True))
    return Box(top, left, bottom - top, right - left)


def _flat(colour: Colour) -> Tensor:
    return torch.tensor([round(255 * value) for value in colour], dtype=torch.uint8)[:, None, None]


def _overwritten(image: Tensor, box: Box, pixels: Tensor) -> Tensor:
    from torchvision.transforms.v2 import functional

    done: Tensor = functional.erase(image, box.top, box.left, box.height, box.width, pixels)
    return done
