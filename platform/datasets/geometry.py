"""Sizes of images and of the windows cut from them. B: batch; boxes are (top, left, height, width) in px."""

from dataclasses import dataclass

import numpy as np

from platform.datasets.splits import Ints

SMALL = 64
"""Up to this image_size (px) evaluation sees the whole shorter side, as is usual for CIFAR-sized images."""
CROP_SHARE = 0.875
"""Above it, evaluation sees this share of the shorter side (ImageNet's 224 of 256)."""
WHOLE = 1.15
"""Images whose shorter side is up to this many times image_size are not worth resizing when decoded."""


def evaluation_side(image_size: int) -> int:
    """The shorter side (px) that an image is resized to before its centre is cut out for evaluation."""
    return image_size if image_size <= SMALL else round(image_size / CROP_SHARE)


@dataclass(frozen=True)
class KeptSize:
    """Images whose shorter side is above ``limit`` px are resized to a shorter side of ``side`` px."""

    limit: int
    side: int

    @classmethod
    def automatic(cls, image_size: int) -> "KeptSize":
        """Whole up to 1.15 x image_size, else what evaluation wants, so that it need not resize again."""
        return cls(max(round(WHOLE * image_size), image_size), evaluation_side(image_size))

    @classmethod
    def exactly(cls, side: int) -> "KeptSize":
        return cls(side, side)

    def of(self, height: int, width: int) -> tuple[int, int]:
        """The height and width that an image is kept at."""
        shorter = min(height, width)
        if shorter <= self.limit:
            return height, width
        return max(round(height * self.side / shorter), 1), max(round(width * self.side / shorter), 1)


def centre_boxes(shapes_B2: Ints, image_size: int, shorter_side: int) -> Ints:
    """[B, 4]: the squares that are image_size px wide once the shorter side is ``shorter_side`` px."""
    height_B, width_B = shapes_B2[:, 0], shapes_B2[:, 1]
    shorter_B = np.minimum(height_B, width_B)
    side_B = np.maximum((shorter_B * image_size + shorter_side // 2) // shorter_side, 1)
    return np.stack([(height_B - side_B) // 2, (width_B - side_B) // 2, side_B, side_B], axis=1)
