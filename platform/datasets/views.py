"""A data set's images as S x S pictures, a batch at once where that can be, else image by image.

B: batch, S: image_size (px). Both ways give the same pictures.
"""

from typing import Protocol

import numpy as np

from platform.datasets.augment import AugmentConfig, Windows
from platform.datasets.geometry import centre_boxes
from platform.datasets.image_decoding import Pixels
from platform.datasets.images import DenseImages, Images
from platform.datasets.splits import Ints
from platform.datasets.windows import Gather, Padding, cut, mirrored

RESIZED_BYTES = 2**30
"""Images are resized once and kept for a loader's life only up to this size, else each time."""


class Views(Protocol):
    """Pictures of manifest rows."""

    at_once: bool
    """Whether a batch costs about as much as an image, so that threads would not pay."""

    def pictures(self, rows_B: Ints, windows: Windows) -> Pixels:
        """[B, S, S, 3] uint8."""


class BatchViews:
    """One gather for a batch of images of one size; ``place`` says where a row is among the pixels."""

    at_once = True

    def __init__(self, gather: Gather, place: Ints) -> None:
        self.gather, self.place = gather, place

    def pictures(self, rows_B: Ints, windows: Windows) -> Pixels:
        return self.gather(self.place[rows_B], windows.shifts_B2, windows.flip_B)


class ImageViews:
    """Image by image: of any size, and read from the source if need be."""

    at_once = False

    def __init__(self, images: Images, image_size: int, mode: Padding) -> None:
        self._images, self._size, self._mode = images, image_size, mode

    def pictures(self, rows_B: Ints, windows: Windows) -> Pixels:
        pictures = [self._picture(int(row), windows, place) for place, row in enumerate(rows_B)]
        return pictures[0][None] if len(pictures) == 1 else np.stack(pictures)

    def _picture(self, row: int, windows: Windows, place: int) -> Pixels:
        picture = cut(self._images.image(row), windows.boxes_B4[place], self._size)
        one = slice(place, place + 1)
        if windows.shifts_B2[place].any():
            gather = Gather(picture[None], (0, 0), self._size, self._mode)
            picture = gather(np.zeros(1, dtype=np.int64), windows.shifts_B2[one], windows.flip_B[one])[0]
        elif windows.flip_B[place]:
            picture = mirrored(picture)
        return picture


def choose_views(
    images: Images, rows: Ints, image_size: int, shorter_side: int, augment: AugmentConfig | None
) -> Views:
    """The faster way for these rows: a gather where all are of one size and each window has its place.

    Without random_resized each picture is the centred square that is S px wide once the shorter side is
    ``shorter_side`` px.
    """
    mode: Padding = augment.padding_mode if augment else "constant"
    if not isinstance(images, DenseImages) or (augment and augment.crop == "random_resized"):
        return ImageViews(images, image_size, mode)
    top, left, side, _ = (
        int(number) for number in centre_boxes(images.shapes[:1], image_size, shorter_side)[0]
    )
    if side == image_size:
        return BatchViews(Gather(images.pixels, (top, left), image_size, mode), images.index)
    if len(rows) * image_size**2 * 3 > RESIZED_BYTES:
        return ImageViews(images, image_size, mode)
    place = np.full(len(images), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    return BatchViews(
        Gather(_resized(images, rows, image_size, shorter_side), (0, 0), image_size, mode), place
    )


def _resized(images: Images, rows: Ints, image_size: int, shorter_side: int) -> Pixels:
    """[len(rows), S, S, 3]: the centred squares."""
    boxes = centre_boxes(images.shapes[rows], image_size, shorter_side)
    squares = np.empty((len(rows), image_size, image_size, 3), dtype=np.uint8)
    for place, (row, box) in enumerate(zip(rows, boxes, strict=True)):
        squares[place] = cut(images.image(int(row)), box, image_size)
    return squares
