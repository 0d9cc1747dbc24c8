"""Croppers: cut the crop windows of a batch at once where possible, else image by image.

B: batch, S x T: height and width of a crop (px). Both ways give the same result.
"""

from typing import Protocol

import numpy as np

from platform.datasets.arrays import Ints, Pixels
from platform.datasets.augmentation.augment import AugmentConfig, CropWindows
from platform.datasets.batches.crop_windows import Gather, Padding, cut, mirrored
from platform.datasets.geometry import Frame
from platform.datasets.image_size import Size
from platform.datasets.images.image_stores import DenseImages, Images

RESIZED_BYTES = 2**30
"""Resized images up to this size are kept for a loader's life; larger sets are resized each time."""


class Cropper(Protocol):
    """Cuts the crop windows of manifest rows."""

    at_once: bool
    """Whether a whole batch is cut in one operation, so that threads would not help."""

    def crops(self, rows_B: Ints, windows: CropWindows) -> Pixels:
        """[B, S, T, 3] uint8."""


class BatchCropper:
    """One gather per batch, for images of one size; ``place`` maps a row to its position in the pixels."""

    at_once = True

    def __init__(self, gather: Gather, place: Ints) -> None:
        self.gather, self.place = gather, place

    def crops(self, rows_B: Ints, windows: CropWindows) -> Pixels:
        return self.gather(self.place[rows_B], windows.shifts_B2, windows.flip_B)


class ImageCropper:
    """One image at a time, of any size, read from the source if necessary."""

    at_once = False

    def __init__(self, images: Images, size: Size, mode: Padding) -> None:
        self._images, self._size, self._mode = images, size, mode

    def crops(self, rows_B: Ints, windows: CropWindows) -> Pixels:
        crops = [self._crop(int(row), windows, place) for place, row in enumerate(rows_B)]
        return crops[0][None] if len(crops) == 1 else np.stack(crops)

    def _crop(self, row: int, windows: CropWindows, place: int) -> Pixels:
        canvas = windows.canvas
        resized = cut(self._images.image(row), windows.boxes_B4[place], canvas)
        top, left = (int(shift) for shift in windows.shifts_B2[place])
        bottom, right = top + self._size.height, left + self._size.width
        if top < 0 or left < 0 or bottom > canvas.height or right > canvas.width:
            gather = Gather(resized[None], (0, 0), canvas, self._size, self._mode)
            one = slice(place, place + 1)
            padded: Pixels = gather(np.zeros(1, dtype=np.int64), windows.shifts_B2[one], windows.flip_B[one])
            return padded.squeeze(0)
        window = resized[top:bottom, left:right]
        return mirrored(window) if windows.flip_B[place] else window


def choose_cropper(
    images: Images, rows: Ints, size: Size, frame: Frame, augment: AugmentConfig | None
) -> Cropper:
    """The faster cropper for these rows: a gather if all images have one size and windows are not resized.

    Without random_resized each crop is a window of ``frame``.
    """
    mode: Padding = augment.padding_mode if augment else "constant"
    if not isinstance(images, DenseImages) or (augment and augment.crop == "random_resized"):
        return ImageCropper(images, size, mode)
    canvas = frame.canvas
    top, left, height, width = (int(number) for number in frame.boxes(images.shapes[:1])[0])
    if (height, width) == canvas:
        return BatchCropper(Gather(images.pixels, (top, left), canvas, size, mode), images.index)
    if len(rows) * canvas.area * 3 > RESIZED_BYTES:
        return ImageCropper(images, size, mode)
    place = np.full(len(images), -1, dtype=np.int64)
    place[rows] = np.arange(len(rows))
    return BatchCropper(Gather(_resized(images, rows, frame), (0, 0), canvas, size, mode), place)


def _resized(images: Images, rows: Ints, frame: Frame) -> Pixels:
    """[len(rows), *canvas, 3]: the frame of each row, resized."""
    boxes = frame.boxes(images.shapes[rows])
    frames = np.empty((len(rows), *frame.canvas, 3), dtype=np.uint8)
    for place, (row, box) in enumerate(zip(rows, boxes, strict=True)):
        frames[place] = cut(images.image(int(row)), box, frame.canvas)
    return frames
