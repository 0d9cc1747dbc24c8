"""Sizes of images and of the windows cut from them. B: batch; boxes are (top, left, height, width) in px."""

from dataclasses import dataclass

import numpy as np

from platform.datasets.image_size import AnySize, Size, SizeLike, as_size
from platform.datasets.splits import Ints

SMALL = 64
"""Up to this image_size (px) evaluation sees the whole shorter side, as is usual for CIFAR-sized images."""
CROP_SHARE = 0.875
"""Above it, evaluation sees this share of the shorter side (ImageNet's 224 of 256)."""
WHOLE = 1.15
"""Images are not worth resizing when decoded where a side is up to this many times image_size's."""


def evaluation_side(image_size: int) -> int:
    """The shorter side (px) that an image is resized to before a square is cut out for evaluation."""
    return image_size if image_size <= SMALL else round(image_size / CROP_SHARE)


@dataclass(frozen=True)
class Frame:
    """What of an image is seen where chance has no say: it is resized to ``canvas``.

    That is the centred square which is as wide as the canvas once the image's shorter side is
    ``shorter_side`` px; without a ``shorter_side`` it is the whole image, its aspect ignored.
    """

    canvas: Size
    shorter_side: int | None = None

    def boxes(self, shapes_B2: Ints) -> Ints:
        """[B, 4] of images of these heights and widths."""
        if self.shorter_side is None:
            return np.concatenate([np.zeros_like(shapes_B2), shapes_B2], axis=1)
        return centre_boxes(shapes_B2, self.canvas.width, self.shorter_side)


def evaluation_frame(size: Size, *, whole: bool) -> Frame:
    """What evaluation sees: of a square input the centre, unless ``whole``; of any other all of the image.

    People, whom tall inputs are for, fill their images: a centred window would cut off head and feet.
    """
    if whole or not size.is_square:
        return Frame(size)
    return Frame(size, evaluation_side(size.width))


@dataclass(frozen=True)
class KeptSize:
    """Images both of whose sides are above ``limit`` are shrunk until they just cover ``side``.

    Their aspect stays: one of their sides is then that of ``side``, the other one at least as long. Of
    squares, that is a rule for the shorter side.
    """

    limit: AnySize
    side: AnySize

    @classmethod
    def automatic(cls, image_size: SizeLike) -> "KeptSize":
        """Whole up to 1.15 x image_size, else what evaluation of a square wants, so that it need not resize.

        Other inputs are given the same room, and with it the crop that first resizes to 1.125 x image_size.
        """
        size = as_size(image_size)
        limit = Size(*(max(round(WHOLE * side), side) for side in size))
        return cls(limit, size if min(size) <= SMALL else Size(*(round(side / CROP_SHARE) for side in size)))

    @classmethod
    def exactly(cls, shorter_side: int) -> "KeptSize":
        return cls(as_size(shorter_side), as_size(shorter_side))

    def of(self, height: int, width: int) -> tuple[int, int]:
        """The height and width that an image is kept at."""
        if height <= self.limit.height or width <= self.limit.width:
            return height, width
        if self.side.height * width >= self.side.width * height:  # the height is what limits
            return self.side.height, max(round(width * self.side.height / height), 1)
        return max(round(height * self.side.width / width), 1), self.side.width


def centre_boxes(shapes_B2: Ints, image_size: int, shorter_side: int) -> Ints:
    """[B, 4]: the squares that are image_size px wide once the shorter side is ``shorter_side`` px."""
    height_B, width_B = shapes_B2[:, 0], shapes_B2[:, 1]
    shorter_B = np.minimum(height_B, width_B)
    side_B = np.maximum((shorter_B * image_size + shorter_side // 2) // shorter_side, 1)
    return np.stack([(height_B - side_B) // 2, (width_B - side_B) // 2, side_B, side_B], axis=1)
