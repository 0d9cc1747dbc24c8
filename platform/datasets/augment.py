"""How training images are varied, and the windows and flips that follow from counter-based random numbers.

B: batch. Row is a manifest row; what happens to it depends on (seed, epoch, row) alone.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, field_validator

from platform.config.section import Section
from platform.datasets.appearance_config import (
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
from platform.datasets.geometry import centre_boxes
from platform.datasets.randomness import Uniforms, uniforms
from platform.datasets.splits import Ints

# Which draw of a row decides what.
FLIP, VERTICAL, HORIZONTAL, FIRST_ATTEMPT = 0, 1, 2, 3
ATTEMPTS = 10  # windows of random area and ratio that are tried before the largest centred one is taken

Share = Annotated[float, Field(gt=0, le=1)]
Ratio = Annotated[float, Field(gt=0)]


class AugmentConfig(Section):
    """The ``augment`` section of a trial; what it does to a picture, in the order of its fields."""

    crop: Literal["none", "padded", "random_resized"] = Field(
        "padded",
        description="none: the centre; padded: a window of the padded image; random_resized: of any size",
    )
    padding: int = Field(2, ge=0, description="px on each side, of the image at image_size; only for padded")
    padding_mode: Literal["constant", "edge", "reflect"] = Field(
        "reflect", description="what padding shows: black, the edge's pixel, the mirrored image"
    )
    scale: tuple[Share, Share] = Field(
        (0.5, 1.0), strict=False, description="share of the area; only for random_resized"
    )
    ratio: tuple[Ratio, Ratio] = Field(
        (0.75, 1.3333), strict=False, description="width / height; only for random_resized"
    )
    horizontal_flip: float = Field(0.5, ge=0, le=1, description="probability; 0 where left and right differ")
    down_up: DownUp | None = None
    policy: Policy | None = Field(None, description="a published set of operations; null: none")
    color_jitter: ColorJitter | None = None
    grayscale: Probability = 0.0
    motion_blur: MotionBlur | None = None
    jpeg: Jpeg | None = None
    random_erasing: RandomErasing | None = None
    cutout: Cutout | None = None
    mixing: MixingConfig | None = Field(None, description="mixup and cutmix, with soft labels; null: none")

    @field_validator("scale", "ratio")
    @classmethod
    def _ascends(cls, ends: tuple[float, float]) -> tuple[float, float]:
        return ascending(ends)

    def check_image_size(self, image_size: int) -> tuple[str, str, object] | None:
        """Field, message and value of what is too large for pictures of that many px; None where all fits."""
        limits = {
            "padding": self.padding if self.crop == "padded" else 0,
            "cutout.size": self.cutout.size if self.cutout else 0,
            "motion_blur.kernel_size": self.motion_blur.kernel_size[1] if self.motion_blur else 0,
        }
        for field, size in limits.items():
            if size >= image_size:
                return field, f"must be < image_size ({image_size})", size
        return None

    @property
    def changes_appearance(self) -> bool:
        """Whether anything is done to single pictures once they are cut out."""
        parts = (self.down_up, self.policy, self.color_jitter, self.motion_blur, self.jpeg)
        return any((*parts, self.random_erasing, self.cutout)) or self.grayscale > 0

    @property
    def draws(self) -> int:
        """Random numbers that a row needs."""
        return FIRST_ATTEMPT + 2 * ATTEMPTS * (self.crop == "random_resized")


@dataclass(frozen=True)
class Windows:
    """What is cut from each image, resized to S x S if it is not, shifted, and flipped."""

    boxes_B4: Ints
    shifts_B2: Ints
    """px down and right by which the window at S x S lies off its image; what is outside is padding."""
    flip_B: npt.NDArray[np.bool_]

    def part(self, part: slice) -> "Windows":
        return Windows(self.boxes_B4[part], self.shifts_B2[part], self.flip_B[part])


def draw_windows(
    config: AugmentConfig, image_size: int, *, seed: int, epoch: int, rows_B: Ints, shapes_B2: Ints
) -> Windows:
    """The windows of rows whose images have these heights and widths."""
    draws_BD = uniforms(seed, epoch, rows_B, config.draws)
    if config.crop == "random_resized":
        boxes_B4 = random_boxes(config, draws_BD, shapes_B2)
    else:
        boxes_B4 = centre_boxes(shapes_B2, image_size, image_size)
    return Windows(boxes_B4, shifts(config, draws_BD), flips(config, draws_BD))


def still_windows(image_size: int, shorter_side: int, shapes_B2: Ints) -> Windows:
    """The centred squares that are image_size px wide once the shorter side is ``shorter_side`` px."""
    nowhere = np.zeros((len(shapes_B2), 2), dtype=np.int64)
    boxes_B4 = centre_boxes(shapes_B2, image_size, shorter_side)
    return Windows(boxes_B4, nowhere, np.zeros(len(shapes_B2), dtype=np.bool_))


def flips(config: AugmentConfig, draws_BD: Uniforms) -> npt.NDArray[np.bool_]:
    return np.asarray(draws_BD[:, FLIP] < config.horizontal_flip)


def shifts(config: AugmentConfig, draws_BD: Uniforms) -> Ints:
    """[B, 2] uniform in -padding … padding; zero where the crop is not padded."""
    padding = config.padding if config.crop == "padded" else 0
    draws_B2 = draws_BD[:, [VERTICAL, HORIZONTAL]]
    shifts_B2: Ints = np.floor(draws_B2 * (2 * padding + 1)).astype(np.int64) - padding
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
