"""torchvision's operations for a batch of small images, with one strength per image.

torchvision's functions take one strength for the whole batch; called once per image, they spend most time on
the calls. Each step here is one elementwise torch operation, so an image's result does not depend on the rest
of the batch. torchvision fuses some steps, so results may differ by one level. B: images, S x T: their height
and width (px). Images are uint8 [B, 3, S, T].
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn.functional import conv2d, grid_sample

Strengths = Sequence[float]
Interpolation = Literal["nearest", "bilinear"]
LUMA = 0.2989, 0.587, 0.114  # of red, green and blue, as in torchvision


def brightness(images: Tensor, factors: Strengths) -> Tensor:
    """Factor 0 gives black."""
    return _levels(images * _each(factors))


def saturation(images: Tensor, factors: Strengths) -> Tensor:
    """Factor 0 gives grey."""
    return _blended(images.float(), _grey(images), factors)


def contrast(images: Tensor, factors: Strengths) -> Tensor:
    """Factor 0 gives the mean grey."""
    grey_B1ST = _grey(images)
    # integers, whose sum does not depend on the order
    total_B111 = grey_B1ST.long().sum(dim=(1, 2, 3), keepdim=True)
    return _blended(images.float(), total_B111 / grey_B1ST[0].numel(), factors)


def sharpness(images: Tensor, factors: Strengths) -> Tensor:
    """Factor 0 gives a blurred image; its edge pixels stay unchanged."""
    height, width = images.shape[-2:]
    if min(height, width) <= 2:
        return images
    kernel = torch.full((1, 1, 3, 3), 1 / 13)
    kernel[..., 1, 1] = 5 / 13
    sharp = images.float()
    # thirteenths are never near a half, so rounding does not depend on the order of summing
    blurred = conv2d(sharp.view(-1, 1, height, width), kernel).round_()
    blurred = blurred.view(*images.shape[:2], height - 2, width - 2)
    inner = sharp[..., 1:-1, 1:-1]
    done = images.clone()
    done[..., 1:-1, 1:-1] = _blended(inner, blurred, factors)
    return done


def posterize(images: Tensor, bits: Strengths) -> Tensor:
    masks = [256 - (1 << (8 - int(kept))) for kept in bits]
    return images & torch.tensor(masks, dtype=torch.uint8)[:, None, None, None]


def solarize(images: Tensor, thresholds: Strengths) -> Tensor:
    """``thresholds`` as shares of 255."""
    limits = _each([255 * share for share in thresholds])
    return torch.where(images >= limits, ~images, images)


def affine(images: Tensor, matrices: Sequence[Sequence[float]], interpolation: Interpolation) -> Tensor:
    """Black outside. A matrix (2 x 3, row by row) maps output px to input px, both relative to the centre."""
    height, width = images.shape[-2:]
    down_S1, across_T = _from_the_middle(height)[:, None], _from_the_middle(width)
    theta_B6 = torch.tensor(matrices) / torch.tensor([width / 2] * 3 + [height / 2] * 3)
    xx, xy, x, yx, yy, y = (column_B[:, None, None] for column_B in theta_B6.T)
    x_BST = across_T * xx + down_S1 * xy + x
    y_BST = across_T * yx + down_S1 * yy + y
    moved = grid_sample(
        images.float(), torch.stack([x_BST, y_BST], dim=3), mode=interpolation, align_corners=False
    )
    return moved.round_().to(torch.uint8)


def _from_the_middle(side: int) -> Tensor:
    """[side]: px from the centre to each pixel."""
    return torch.linspace((1 - side) / 2, (side - 1) / 2, side)


MATRICES: dict[str, Callable[[float], dict[str, Any]]] = {
    "ShearX": lambda tangent: {"shear": [math.degrees(math.atan(tangent)), 0.0], "about_corner": True},
    "ShearY": lambda tangent: {"shear": [0.0, math.degrees(math.atan(tangent))], "about_corner": True},
    "TranslateX": lambda px: {"translate": [float(int(px)), 0.0]},
    "TranslateY": lambda px: {"translate": [0.0, float(int(px))]},
    "Rotate": lambda degrees: {"angle": -degrees},
}
FACTORS: dict[str, Callable[[Tensor, Strengths], Tensor]] = {
    "Brightness": brightness,
    "Color": saturation,
    "Contrast": contrast,
    "Sharpness": sharpness,
}
LEVELS: dict[str, Callable[[Tensor, Strengths], Tensor]] = {"Posterize": posterize, "Solarize": solarize}


def operate(
    name: str, images: Tensor, magnitudes: Strengths, interpolation: Interpolation = "nearest"
) -> Tensor:
    """Apply the operation that torchvision's policies call ``name``; some ignore the magnitudes."""
    if name in MATRICES:
        shape = images.shape[-2], images.shape[-1]
        matrices = [_matrix(shape, **MATRICES[name](magnitude)) for magnitude in magnitudes]
        return affine(images, matrices, interpolation)
    if name in FACTORS:
        return FACTORS[name](images, [1 + magnitude for magnitude in magnitudes])
    if name in LEVELS:
        return LEVELS[name](images, magnitudes)
    from torchvision.transforms.v2 import functional

    whole: dict[str, Callable[[Tensor], Tensor]] = {
        "Identity": torch.clone,
        "AutoContrast": functional.autocontrast,
        "Equalize": functional.equalize,
    }
    return whole[name](images)


def _matrix(
    shape: tuple[int, int],
    *,
    angle: float = 0.0,
    translate: Sequence[float] = (0.0, 0.0),
    shear: Sequence[float] = (0.0, 0.0),
    about_corner: bool = False,
) -> list[float]:
    from torchvision.transforms.v2.functional._geometry import _get_inverse_affine_matrix

    height, width = shape
    centre = [-width / 2, -height / 2] if about_corner else [0.0, 0.0]
    matrix: list[float] = _get_inverse_affine_matrix(centre, angle, translate, 1.0, shear)
    return matrix


def _each(values: Strengths) -> Tensor:
    return torch.tensor(values)[:, None, None, None]


def _grey(images: Tensor) -> Tensor:
    """[B, 1, S, T] integers as float."""
    red, green, blue = (images[:, channel] * share for channel, share in enumerate(LUMA))
    return (red + green + blue).floor_()[:, None]


def _blended(images: Tensor, others: Tensor, shares: Strengths) -> Tensor:
    """Interpolate from ``others`` (share 0) to ``images`` (share 1), and extrapolate beyond."""
    share_B111 = _each(shares)
    return _levels(images * share_B111 + others * (1 - share_B111))


def _levels(values: Tensor) -> Tensor:
    return values.clamp_(0, 255).to(torch.uint8)
