"""What is done to single pictures once they are cut out: colours, blur, erasing and published policies.

The operations are torchvision's; what is done follows from (seed, epoch, row) alone: each picture has a random
generator of its own, so that no thread, batch or order can matter. S: image_size (px).
"""

from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor

from platform.datasets.appearance_config import ColorJitter, Cutout, MotionBlur, RandomErasing
from platform.datasets.augment import ATTEMPTS, AugmentConfig
from platform.datasets.image_decoding import Pixels
from platform.datasets.policies import build_policy
from platform.datasets.splits import Ints

STREAM = 1
"""Tells these random numbers from others of the same (seed, epoch, row)."""
GREY = 127
"""What ``mean`` and cutout write."""

Generator = np.random.Generator
Operation = Callable[[Tensor, Generator], Tensor]
"""A picture [3, S, S] uint8 to a new one."""


class Appearance:
    """The operations of an ``augment`` section, in its order."""

    def __init__(self, config: AugmentConfig, image_size: int, seed: int) -> None:
        self._seed = seed
        self._operations = list(_operations(config, image_size))

    def __call__(self, pictures: Pixels, rows_B: Ints, epoch: int) -> Pixels:
        """[B, S, S, 3] of the given ones, which are left as they are."""
        changed = [
            self._changed(picture, int(row), epoch) for picture, row in zip(pictures, rows_B, strict=True)
        ]
        return np.stack(changed)

    def _changed(self, picture: Pixels, row: int, epoch: int) -> Pixels:
        random = np.random.default_rng([self._seed, STREAM, epoch, row])
        image = torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1)))
        for operation in self._operations:
            image = operation(image, random)
        done: Pixels = image.permute(1, 2, 0).numpy()
        return done


def _operations(config: AugmentConfig, image_size: int) -> "chain[Operation]":
    found: list[list[Operation]] = [
        [_sometimes(config.down_up.probability, _down_up(config.down_up.scale))] if config.down_up else [],
        [build_policy(config.policy, image_size)] if config.policy else [],
        [_sometimes(config.color_jitter.probability, _jitter(config.color_jitter))]
        if config.color_jitter
        else [],
        [_sometimes(config.grayscale, _grayscale)] if config.grayscale else [],
        [_sometimes(config.motion_blur.probability, _motion_blur(config.motion_blur))]
        if config.motion_blur
        else [],
        [_sometimes(config.jpeg.probability, _jpeg(config.jpeg.quality))] if config.jpeg else [],
        [_sometimes(config.random_erasing.probability, _erase(config.random_erasing))]
        if config.random_erasing
        else [],
        [_sometimes(config.cutout.probability, _cut_out(config.cutout))] if config.cutout else [],
    ]
    return chain.from_iterable(found)


def _sometimes(probability: float, operation: Operation) -> Operation:
    return lambda image, random: operation(image, random) if random.random() < probability else image


def _functional() -> Any:
    from torchvision.transforms.v2 import functional

    return functional


def _down_up(scale: tuple[float, float]) -> Operation:
    resize = _functional().resize

    def operation(image: Tensor, random: Generator) -> Tensor:
        side = image.shape[-1]
        small = max(round(side * random.uniform(*scale)), 1)
        large: Tensor = resize(resize(image, [small, small], antialias=True), [side, side], antialias=True)
        return large

    return operation


def _jitter(config: ColorJitter) -> Operation:
    functional = _functional()
    factors = [
        (functional.adjust_brightness, config.brightness),
        (functional.adjust_contrast, config.contrast),
        (functional.adjust_saturation, config.saturation),
    ]

    def operation(image: Tensor, random: Generator) -> Tensor:
        for adjust, strength in factors:
            if strength:
                image = adjust(image, random.uniform(max(0.0, 1 - strength), 1 + strength))
        return functional.adjust_hue(image, random.uniform(-config.hue, config.hue)) if config.hue else image

    return operation


def _grayscale(image: Tensor, random: Generator) -> Tensor:
    grey: Tensor = _functional().rgb_to_grayscale(image, num_output_channels=3)
    return grey


def _motion_blur(config: MotionBlur) -> Operation:
    sizes = range(config.kernel_size[0], config.kernel_size[1] + 1, 2)

    def operation(image: Tensor, random: Generator) -> Tensor:
        kernel = line_kernel(int(random.choice(sizes)), random.uniform(0, np.pi))
        half = len(kernel) // 2
        padded = torch.nn.functional.pad(image[:, None].float(), (half, half, half, half), mode="reflect")
        blurred = torch.nn.functional.conv2d(padded, kernel[None, None])
        return blurred[:, 0].round().clamp(0, 255).to(torch.uint8)

    return operation


def line_kernel(size: int, angle: float) -> Tensor:
    """[size, size] weights that add up to 1: a line of ``size`` px through the middle, at ``angle`` radians."""
    kernel = torch.zeros(size, size)
    for offset in np.linspace(-(size // 2), size // 2, 4 * size):
        y, x = (size // 2 + offset * np.sin(angle), size // 2 + offset * np.cos(angle))
        kernel[round(y), round(x)] += 1
    return kernel / kernel.sum()


def _jpeg(quality: tuple[int, int]) -> Operation:
    compress = _functional().jpeg

    def operation(image: Tensor, random: Generator) -> Tensor:
        compressed: Tensor = compress(image, int(random.integers(quality[0], quality[1] + 1)))
        return compressed

    return operation


def _erase(config: RandomErasing) -> Operation:
    def operation(image: Tensor, random: Generator) -> Tensor:
        height, width = image.shape[1:]
        for _ in range(ATTEMPTS):
            area = height * width * random.uniform(*config.scale)
            ratio = np.exp(random.uniform(*np.log(config.ratio)))
            high, wide = round(np.sqrt(area / ratio)), round(np.sqrt(area * ratio))
            if 0 < high < height and 0 < wide < width:
                top, left = (int(random.integers(0, room + 1)) for room in (height - high, width - wide))
                return _overwritten(image, (top, left, high, wide), config.value, random)
        return image

    return operation


def _cut_out(config: Cutout) -> Operation:
    def operation(image: Tensor, random: Generator) -> Tensor:
        side = image.shape[-1]
        starts = [int(random.integers(0, side)) - config.size // 2 for _ in range(2)]
        ends = [min(start + config.size, side) for start in starts]
        top, left = (max(start, 0) for start in starts)
        return _overwritten(image, (top, left, ends[0] - top, ends[1] - left), "mean", random)

    return operation


def _overwritten(image: Tensor, box: tuple[int, int, int, int], value: str, random: Generator) -> Tensor:
    top, left, height, width = box
    image = image.clone()
    if value == "noise":
        pixels = random.integers(0, 256, (3, height, width), dtype=np.uint8)
        image[:, top : top + height, left : left + width] = torch.from_numpy(pixels)
    else:
        image[:, top : top + height, left : left + width] = GREY if value == "mean" else 0
    return image
