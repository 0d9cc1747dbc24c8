"""Change colours, sharpness and compression of an image [3, S, T] uint8, with torchvision and Pillow.

Each function returns how many random numbers an image needs, and the change that uses them.
"""

from collections.abc import Sequence
from io import BytesIO
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as nn_functional

from platform.datasets.augmentation.appearance_config import ColorJitter, DownUp, Jpeg, MotionBlur
from platform.datasets.augmentation.batched_operations import brightness, contrast, saturation
from platform.datasets.augmentation.changes import Change, Draws, PictureChange, between, place
from platform.datasets.image_size import Size


def _functional() -> Any:
    from torchvision.transforms.v2 import functional

    return functional


def down_up_change(config: DownUp) -> tuple[int, PictureChange]:
    resize = _functional().resize

    def change(image: Tensor, draws: Sequence[float]) -> Tensor:
        size = Size(*image.shape[-2:])
        small = size.scaled(between(config.scale, draws[0]))
        large: Tensor = resize(resize(image, list(small), antialias=True), list(size), antialias=True)
        return large

    return 1, change


def color_jitter_change(config: ColorJitter) -> tuple[int, Change]:
    """In random order, as torchvision's ColorJitter. Four numbers are amounts, four give the order."""
    adjustments = [
        (brightness, around_one(config.brightness)),
        (contrast, around_one(config.contrast)),
        (saturation, around_one(config.saturation)),
        (_turn_hues, (-config.hue, config.hue)),
    ]
    used = [number for number, (_, ends) in enumerate(adjustments) if ends[0] < ends[1]]

    def change(images: Tensor, draws: Sequence[Draws]) -> Tensor:
        orders = [sorted(used, key=lambda number: own[len(adjustments) + number]) for own in draws]
        images = images.clone()
        for turn in range(len(used)):
            for number in used:
                adjust, ends = adjustments[number]
                pictures = [picture for picture, order in enumerate(orders) if order[turn] == number]
                if pictures:
                    amounts = [between(ends, draws[picture][number]) for picture in pictures]
                    images[pictures] = adjust(images[pictures], amounts)
        return images

    return 2 * len(adjustments), change


def _turn_hues(images: Tensor, amounts: Sequence[float]) -> Tensor:
    turn = _functional().adjust_hue
    return torch.stack([turn(image, amount) for image, amount in zip(images, amounts, strict=True)])


def around_one(strength: float) -> tuple[float, float]:
    """The range of factors for a strength."""
    return max(0.0, 1 - strength), 1 + strength


def grayscale_change() -> tuple[int, PictureChange]:
    to_grey = _functional().rgb_to_grayscale

    def change(image: Tensor, draws: Sequence[float]) -> Tensor:
        grey: Tensor = to_grey(image, num_output_channels=3)
        return grey

    return 0, change


def motion_blur_change(config: MotionBlur) -> tuple[int, PictureChange]:
    sizes = range(config.kernel_size[0], config.kernel_size[1] + 1, 2)

    def change(image: Tensor, draws: Sequence[float]) -> Tensor:
        size = sizes[place(draws[0], len(sizes))]
        kernel = line_kernel(size, 180 * draws[1])
        padded = nn_functional.pad(image[:, None].float(), (size // 2,) * 4, mode="reflect")
        return nn_functional.conv2d(padded, kernel[None, None])[:, 0].round_().clamp_(0, 255).to(torch.uint8)

    return 2, change


def line_kernel(size: int, degrees: float) -> Tensor:
    """[size, size] weights that sum to 1: a line through the centre, rotated as in Kornia."""
    from torchvision.transforms.v2 import InterpolationMode

    line = torch.zeros(1, size, size)
    line[0, size // 2] = 1
    turned: Tensor = _functional().rotate(line, degrees, interpolation=InterpolationMode.BILINEAR)[0]
    return turned / turned.sum()


def jpeg_change(config: Jpeg) -> tuple[int, PictureChange]:
    low, high = config.quality

    def change(image: Tensor, draws: Sequence[float]) -> Tensor:
        # with Pillow, because torchvision's encoder is deprecated
        compressed = BytesIO()
        picture = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
        picture.save(compressed, "JPEG", quality=low + place(draws[0], high - low + 1))
        return torch.from_numpy(np.array(Image.open(compressed))).permute(2, 0, 1).contiguous()

    return 1, change
