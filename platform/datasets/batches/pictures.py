"""A data set's images as pictures of one size, a batch at once where that can be, else image by image.

B: batch, S x T: height and width of a picture (px). Both ways give the same pictures.
"""

from typing import Protocol

import numpy as np

from platform.datasets.augmentation.augment import AugmentConfig, Windows
from platform.datasets.geometry import Frame
from platform.datasets.sources.image_decoding import Pixels
from platform.datasets.image_size import Size
from platform.datasets.images.image_stores import DenseImages, Images
from platform.datasets.splits import Ints
from platform.datasets.batches.crop_windows import Gather, Padding, cut, mirrored

RESIZED_BYTES = 2**30
"""Images are resized once and kept for a loader's life only up to this size, else each time."""


class Views(Protocol):
    """Pictures of manifest rows."""

    at_once: bool
    """Whether a batch costs about as much as an image, so that threads would not pay."""

    def pictures(self, rows_B: Ints, windows: Windows) -> Pixels:
        """[B, S, T, 3] uint8."""


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

    def __init__(self, images: Images, size: Size, mode: Padding) -> None:
        self._images, self._size, self._mode = images, size, mode

    def pictures(self, rows_B: Ints, windows: Windows) -> Pixels:
        pictures = [self._picture(int(row), windows, place) for place, row in enumerate(rows_B)]
        return pictures[0][None] if len(pictures) == 1 else np.stack(pictures)

    def _picture(self, row: int, windows: Windows, place: int) -> Pixels:
        canvas = windows.canvas
        picture = cut(self._images.image(row), windows.boxes_B4[place], canvas)
        top, left = (int(shift) for shift in windows.shifts_B2[place])
        bottom, right = top + self._size.height, left + self._size.width
        if top < 0 or left < 0 or bottom > canvas.height or right > canvas.width:
            gather = Gather(picture[None], (0, 0), canvas, self._size, self._mode)
            one = slice(place, place + 1)
            padded: Pixels = gather(np.zeros(1, dtype=np.int64), windows.shifts_B2[one], windows.flip_B[one])
            return padded.squeeze(0)
        window = picture[top:bottom, left:right]
        return mirrored(window) if windows.flip_B[place] else window


def choose_views(
    images: Images, rows: Ints, size: Size, frame: Frame, augment: AugmentConfig | None
) -> Views:
    """The faster way for these rows: a gather where all are of one size and each window has its place.

    Without random_resized each picture is a window of ``frame``.
    """
    mode: Padding = augment.padding_mode if augment else "constant"
    if not isinstance(images, DenseImages) or (augment and augment.crop == "random_resized"):
        return ImageViews(images, size, mode)
    canvas = frame.canvas
    top, left, height, width = (int(number) for number in frame.boxes(images.shapes[:1])[0])
    if (height, width) == canvas:
        return BatchViews(Gather(images.pixels, (top, left), canvas, size, mode), images.index)
    if len(rows) * canvas.area * 3 > RESIZED_BYTES:
        return ImageViews(images, size, mode)
    place = np.full(len(images), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    return BatchViews(Gather(_resized(images, rows, frame), (0, 0), canvas, size, mode), place)


def _resized(images: Images, rows: Ints, frame: Frame) -> Pixels:
    """[len(rows), *canvas, 3]: the frames."""
    boxes = frame.boxes(images.shapes[rows])
    frames = np.empty((len(rows), *frame.canvas, 3), dtype=np.uint8)
    for place, (row, box) in enumerate(zip(rows, boxes, strict=True)):
        frames[place] = cut(images.image(int(row)), box, frame.canvas)
    return frames
