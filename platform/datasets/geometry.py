"""Sizes of images and the boxes cut from them. B: batch; a box is (top, left, height, width) in px."""

from dataclasses import dataclass, field

import numpy as np

from platform.datasets.arrays import Ints
from platform.datasets.image_size import AnySize, Size, SizeLike, as_size

SMALL = 64
"""Up to this image_size (px) evaluation uses the whole shorter side, as usual for CIFAR-sized images."""
CROP_SHARE = 0.875
"""Above it, evaluation uses this share of the shorter side (ImageNet's 224 of 256)."""
MAX_PIXELS = 90_000_000
MAX_BYTES = 256_000_000
WHOLE = 1.15
"""Images are resized on decoding only if both sides exceed image_size by more than this factor."""


def evaluation_side(image_size: int) -> int:
    """The shorter side (px) that an image is resized to before a square is cut out for evaluation."""
    return image_size if image_size <= SMALL else round(image_size / CROP_SHARE)


@dataclass(frozen=True)
class Frame:
    """The fixed part of an image that is resized to ``canvas``.

    With ``shorter_side`` it is the centred square that is as wide as the canvas after the image's shorter
    side is resized to ``shorter_side`` px; without, it is the whole image, and the aspect ratio is ignored.
    """

    canvas: Size
    shorter_side: int | None = None

    def boxes(self, shapes_B2: Ints) -> Ints:
        """The part as boxes [B, 4], for images of these heights and widths."""
        if self.shorter_side is None:
            return np.concatenate([np.zeros_like(shapes_B2), shapes_B2], axis=1)
        return centre_boxes(shapes_B2, self.canvas.width, self.shorter_side)


def evaluation_frame(size: Size, *, whole: bool) -> Frame:
    """The frame of evaluation: the centre for a square input, unless ``whole``; else the whole image.

    Tall inputs are for people, who fill their images: a centred crop would cut off head and feet.
    """
    if whole or not size.is_square:
        return Frame(size)
    return Frame(size, evaluation_side(size.width))


@dataclass(frozen=True)
class KeptSize:
    """The size at which decoded images are kept.

    An image with both sides above ``limit`` is shrunk until it just covers ``side``. It keeps its aspect
    ratio: one side then equals that of ``side``, the other is at least as long. If ``side`` is a square, the
    rule is about the shorter side. Of values with 16 bits, ``bits`` are used: 12 make 4095 white.

    An image with more than ``max_pixels``, or in a file of more than ``max_bytes``, is not decoded.
    """

    limit: AnySize
    side: AnySize
    bits: int = 16
    max_pixels: int = field(default=MAX_PIXELS, compare=False)
    max_bytes: int = field(default=MAX_BYTES, compare=False)

    @classmethod
    def automatic(cls, image_size: SizeLike) -> "KeptSize":
        """Unchanged up to 1.15 x image_size, else the size from which evaluation cuts without resizing.

        Inputs that are not square get the same margin; the crop that first resizes to 1.125 x image_size
        needs it.
        """
        size = as_size(image_size)
        limit = Size(*(max(round(WHOLE * side), side) for side in size))
        return cls(limit, size if min(size) <= SMALL else Size(*(round(side / CROP_SHARE) for side in size)))

    @classmethod
    def exactly(cls, shorter_side: int) -> "KeptSize":
        return cls(as_size(shorter_side), as_size(shorter_side))

    def of(self, height: int, width: int) -> tuple[int, int]:
        """The height and width at which an image of this height and width is kept."""
        if height <= self.limit.height or width <= self.limit.width:
            return height, width
        if self.side.height * width >= self.side.width * height:  # the height limits
            return self.side.height, max(round(width * self.side.height / height), 1)
        return max(round(height * self.side.width / width), 1), self.side.width


def centre_boxes(shapes_B2: Ints, image_size: int, shorter_side: int) -> Ints:
    """[B, 4]: the squares that are image_size px wide once the shorter side is ``shorter_side`` px."""
    height_B, width_B = shapes_B2[:, 0], shapes_B2[:, 1]
    shorter_B = np.minimum(height_B, width_B)
    side_B = np.maximum((shorter_B * image_size + shorter_side // 2) // shorter_side, 1)
    return np.stack([(height_B - side_B) // 2, (width_B - side_B) // 2, side_B, side_B], axis=1)
