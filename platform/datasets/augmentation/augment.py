"""The section ``augment``, and the crop windows and flips that it draws.

B: batch. What is drawn for a manifest row depends on (seed, epoch, row) only.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from platform.config.section import Section
from platform.datasets.arrays import Ints
from platform.datasets.augmentation.appearance_config import (
    ColorJitter,
    Cutout,
    DownUp,
    Jpeg,
    MixingConfig,
    MotionBlur,
    Policy,
    Probability,
    RandomErasing,
    ascending,
)
from platform.datasets.geometry import Frame
from platform.datasets.image_size import Size
from platform.datasets.randomness import Uniforms, uniforms

# The place of each decision among a row's random numbers.
FLIP, VERTICAL, HORIZONTAL, FIRST_ATTEMPT = 0, 1, 2, 3
ATTEMPTS = 10  # crop windows of random area and ratio that are tried before the largest centred one is taken

Share = Annotated[float, Field(gt=0, le=1)]
Ratio = Annotated[float, Field(gt=0)]


class AugmentConfig(Section):
    """The ``augment`` section of a trial. Its fields are in the order in which they are applied."""

    crop: Literal["none", "padded", "random_resized", "resized"] = Field(
        "padded",
        description="none: the centre; padded: a random window of the padded image; random_resized: a window "
        "of random size and aspect; resized: a random window of the whole image, resized to resize times "
        "image_size, its aspect ignored",
    )
    padding: int = Field(2, ge=0, description="px on each side of the image at image_size; only for padded")
    padding_mode: Literal["constant", "edge", "reflect"] = Field(
        "reflect",
        description="what the padding shows: constant: black; edge: the pixels at the edge; reflect: the "
        "image mirrored",
    )
    scale: tuple[Share, Share] = Field(
        (0.5, 1.0),
        strict=False,
        description="smallest and largest share of the image's area that a window has; only for "
        "random_resized",
    )
    ratio: tuple[Ratio, Ratio] = Field(
        (0.75, 1.3333),
        strict=False,
        description="smallest and largest width / height of a window; only for random_resized",
    )
    resize: float = Field(
        1.125, ge=1, le=2, description="size of the resized image, times image_size; only for resized"
    )
    horizontal_flip: float = Field(
        0.5,
        ge=0,
        le=1,
        description="probability of a mirror image; 0 if left and right differ in meaning, as of text",
    )
    down_up: DownUp | None = Field(
        None,
        description="shrink some images and enlarge them again; null: none",
        examples=[{"probability": 0.3}],
    )
    policy: Policy | None = Field(
        None,
        description="a published augmentation policy: trivial_augment_wide, rand_augment or augmix; null: "
        "none",
        examples=[{"name": "trivial_augment_wide"}],
    )
    color_jitter: ColorJitter | None = Field(
        None,
        description="change brightness, contrast, saturation and hue; null: none",
        examples=[{"brightness": 0.4, "contrast": 0.4}],
    )
    grayscale: Probability = Field(0.0, description="probability that an image becomes grey", examples=[0.2])
    motion_blur: MotionBlur | None = Field(
        None, description="blur some images along a line; null: none", examples=[{"probability": 0.3}]
    )
    jpeg: Jpeg | None = Field(
        None, description="compress some images as JPEG; null: none", examples=[{"quality": [30, 90]}]
    )
    random_erasing: RandomErasing | None = Field(
        None,
        description="overwrite a random rectangle of some images; null: none",
        examples=[{"probability": 0.25}],
    )
    cutout: Cutout | None = Field(
        None, description="overwrite a random square of some images; null: none", examples=[{"size": 8}]
    )
    mixing: MixingConfig | None = Field(
        None,
        description="mix images and their labels in pairs (mixup, cutmix), for methods that learn soft "
        "labels; null: none",
        examples=[{"mixup_alpha": 0.2}],
    )

    @field_validator("scale", "ratio")
    @classmethod
    def _ascends(cls, ends: tuple[float, float]) -> tuple[float, float]:
        return ascending(ends)

    @property
    def sees_whole(self) -> bool:
        """Whether square inputs too show the whole image, in training and evaluation, its aspect ignored."""
        return self.crop == "resized"

    def frame(self, size: Size) -> Frame:
        """The part of an image from which the crop windows of this size are cut (not for random_resized).

        Square inputs use the largest centred square, others the whole image.
        """
        if self.crop == "resized":
            return Frame(size.scaled(self.resize))
        return Frame(size, size.width if size.is_square else None)

    def check_image_size(self, size: Size) -> tuple[str, str, object] | None:
        """Field, message and value of a setting that is too large for this image size; None if all fit."""
        limits = {
            "padding": self.padding if self.crop == "padded" else 0,
            "cutout.size": self.cutout.size if self.cutout else 0,
            "motion_blur.kernel_size": self.motion_blur.kernel_size[1] if self.motion_blur else 0,
        }
        for field, px in limits.items():
            if px >= min(size):
                return field, f"must be < {'' if size.is_square else 'both sides of '}image_size ({size})", px
        return None

    @property
    def changes_appearance(self) -> bool:
        """Whether single images are changed after the crop."""
        parts = (self.down_up, self.policy, self.color_jitter, self.motion_blur, self.jpeg)
        return any((*parts, self.random_erasing, self.cutout)) or self.grayscale > 0

    @property
    def draws(self) -> int:
        """Random numbers that a row needs."""
        return FIRST_ATTEMPT + 2 * ATTEMPTS * (self.crop == "random_resized")


@dataclass(frozen=True)
class CropWindows:
    """How to crop a batch: resize a box of each image to ``canvas``, cut a window from it, and flip it."""

    canvas: Size
    boxes_B4: Ints
    shifts_B2: Ints
    """px down and right from the canvas's corner to the window's. Outside the canvas is padding."""
    flip_B: npt.NDArray[np.bool_]

    def part(self, part: slice) -> "CropWindows":
        return CropWindows(self.canvas, self.boxes_B4[part], self.shifts_B2[part], self.flip_B[part])


def draw_crop_windows(
    config: AugmentConfig, size: Size, *, seed: int, epoch: int, rows_B: Ints, shapes_B2: Ints
) -> CropWindows:
    """Random crop windows for rows whose images have these heights and widths."""
    draws_BD = uniforms(seed, epoch, rows_B, config.draws)
    frame = config.frame(size)
    if config.crop == "random_resized":
        boxes_B4 = random_boxes(config, draws_BD, shapes_B2)
    else:
        boxes_B4 = frame.boxes(shapes_B2)
    return CropWindows(frame.canvas, boxes_B4, shifts(config, size, draws_BD), flips(config, draws_BD))


def fixed_crop_windows(
    frame: Frame, shapes_B2: Ints, corner: tuple[int, int] = (0, 0), *, mirrored: bool = False
) -> CropWindows:
    """The same window for all images: ``corner`` is its place in the frame (px down and right)."""
    shifts_B2 = np.tile(np.array(corner, dtype=np.int64), (len(shapes_B2), 1))
    return CropWindows(frame.canvas, frame.boxes(shapes_B2), shifts_B2, np.full(len(shapes_B2), mirrored))


def flips(config: AugmentConfig, draws_BD: Uniforms) -> npt.NDArray[np.bool_]:
    return np.asarray(draws_BD[:, FLIP] < config.horizontal_flip)


def shifts(config: AugmentConfig, size: Size, draws_BD: Uniforms) -> Ints:
    """[B, 2] uniform in -padding … padding + (canvas - size); padding is 0 unless the crop is padded."""
    padding = config.padding if config.crop == "padded" else 0
    room_2 = np.subtract(config.frame(size).canvas, size) + 2 * padding
    draws_B2 = draws_BD[:, [VERTICAL, HORIZONTAL]]
    shifts_B2: Ints = np.floor(draws_B2 * (room_2 + 1)).astype(np.int64) - padding
    return shifts_B2


def random_boxes(config: AugmentConfig, draws_BD: Uniforms, shapes_B2: Ints) -> Ints:
    """[B, 4] (top, left, height, width): torchvision's RandomResizedCrop.

    Area uniform in ``scale``, ratio log-uniform in ``ratio``, the first of ten attempts that fits the
    image; where none does, the largest centred window whose ratio is allowed.
    """
    height_B1, width_B1 = shapes_B2[:, :1], shapes_B2[:, 1:]
    low, high = config.ratio
    attempts_BA2 = draws_BD[:, FIRST_ATTEMPT:].reshape(len(draws_BD), ATTEMPTS, 2)
    area_BA = height_B1 * width_B1 * _between(config.scale, attempts_BA2[:, :, 0])
    ratio_BA = np.exp(_between((math.log(low), math.log(high)), attempts_BA2[:, :, 1]))
    sides_BA2 = np.stack([np.sqrt(area_BA / ratio_BA), np.sqrt(area_BA * ratio_BA)], axis=2)
    sides_BA2 = np.rint(sides_BA2).astype(np.int64)
    fits_BA = ((sides_BA2 > 0) & (sides_BA2 <= shapes_B2[:, None])).all(axis=2)
    first_B2 = sides_BA2[np.arange(len(sides_BA2)), fits_BA.argmax(axis=1)]
    any_B1 = fits_BA.any(axis=1)[:, None]
    side_B2 = np.where(any_B1, first_B2, _largest(config.ratio, shapes_B2))
    room_B2 = shapes_B2 - side_B2
    random_B2 = np.floor(draws_BD[:, [VERTICAL, HORIZONTAL]] * (room_B2 + 1)).astype(np.int64)
    corner_B2 = np.where(any_B1, random_B2, room_B2 // 2)
    boxes_B4: Ints = np.concatenate([corner_B2, side_B2], axis=1)
    return boxes_B4


def _between(ends: Sequence[float], draws: Uniforms) -> Uniforms:
    return ends[0] + (ends[1] - ends[0]) * draws


def _largest(ratio: tuple[float, float], shapes_B2: Ints) -> Ints:
    """[B, 2] height and width of the largest window whose ratio is within ``ratio``."""
    height_B, width_B = shapes_B2[:, 0], shapes_B2[:, 1]
    widths_B = np.minimum(width_B, np.rint(height_B * ratio[1]).astype(np.int64))
    heights_B = np.minimum(height_B, np.rint(width_B / ratio[0]).astype(np.int64))
    sides_B2: Ints = np.maximum(np.stack([heights_B, widths_B], axis=1), 1)
    return sides_B2
