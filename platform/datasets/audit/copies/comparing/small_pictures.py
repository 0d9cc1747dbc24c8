"""Thumbnails as small squares of one size, with and without their borders. E: views, N: images, S: SIDE."""

import io
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt
from PIL import Image

from platform.datasets.arrays import Ints, Pixels
from platform.datasets.images.available_cores import usable_cores
from platform.datasets.sources.image_decoding import FORMATS

Floats = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom in shares of an image."""

SIDE = 48  # px of a square; its aspect is that of the view, squeezed
COLOUR_SIDE = 8
THUMBNAIL_SIDE = 64  # px: a thumbnail with a longer side below it was not shrunk
BORDER_SPREAD = 6.0  # 8-bit levels: mean deviation from the middle colour of a row of a border
BORDER_STEP = 12.0  # 8-bit levels: between the rows of a border
CHUNK = 4096  # thumbnails that threads are given at a time
MOST_TRIMMED = 0.6  # of a side: what is left of a picture whose border is wider would be too small
LEAST_CONTRAST = 3.0  # 8-bit levels of standard deviation: less is one colour, where every hash is equal


@dataclass(frozen=True)
class SmallPictures:
    """Views of images: each image whole, and those with a border without it, too.

    Attributes:
        luma: [E, S, S] brightness.
        colour: [E, 2, 8, 8] Cb and Cr.
        image_E: The image (0 … N - 1) that a view shows.
        box_E4: The view as left, top, right, bottom, in shares of the image.
        plain_N: Images of one colour, or almost: they have no view.
    """

    luma: Pixels
    colour: Pixels
    image_E: Ints
    box_E4: Floats
    plain_N: npt.NDArray[np.bool_]

    def of(self, images: Ints) -> Ints:
        """The views of these images, in the order of the images."""
        is_asked = np.zeros(len(self.plain_N), dtype=np.bool_)
        is_asked[images] = True
        return np.flatnonzero(is_asked[self.image_E])

    def only(self, images: Ints) -> "SmallPictures":
        """The views of these images alone; the images keep their numbers."""
        views = self.of(images)
        return SmallPictures(
            self.luma[views], self.colour[views], self.image_E[views], self.box_E4[views], self.plain_N
        )

    def with_others(self, others: "SmallPictures") -> "SmallPictures":
        """These and others, whose images are counted on from these."""
        return SmallPictures(
            np.concatenate([self.luma, others.luma]),
            np.concatenate([self.colour, others.colour]),
            np.concatenate([self.image_E, others.image_E + len(self.plain_N)]),
            np.concatenate([self.box_E4, others.box_E4]),
            np.concatenate([self.plain_N, others.plain_N]),
        )


def small_pictures(thumbnails: Iterable[bytes | None], count: int) -> SmallPictures:
    """The views of ``count`` thumbnails; an image without a thumbnail (None) counts as plain."""
    luma, colour = _Growing((SIDE, SIDE), count), _Growing((2, COLOUR_SIDE, COLOUR_SIDE), count)
    images, boxes = [], []
    plain_N = np.ones(count, dtype=np.bool_)
    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="thumbnails") as pool:
        place = 0
        for some in batched(thumbnails, CHUNK):
            for seen in pool.map(_squares, some):
                for box, square, tint in seen:
                    plain_N[place] = False
                    luma.add(square)
                    colour.add(tint)
                    images.append(place)
                    boxes.append(box)
                place += 1
    return SmallPictures(
        luma.whole(),
        colour.whole(),
        np.array(images, dtype=np.int64),
        np.array(boxes, dtype=np.float32).reshape(-1, 4),
        plain_N,
    )


def batched(thumbnails: Iterable[bytes | None], size: int) -> Iterator[list[bytes | None]]:
    """The thumbnails in lists of ``size``, so that threads are given no more than memory holds."""
    rest = iter(thumbnails)
    while some := list(islice(rest, size)):
        yield some


def _squares(thumbnail: bytes | None) -> list[tuple[Box, Pixels, Pixels]]:
    if thumbnail is None:
        return []
    return [(box, *as_square(picture)) for box, picture in views(decoded(thumbnail))]


def decoded(thumbnail: bytes) -> Image.Image:
    with Image.open(io.BytesIO(thumbnail), formats=FORMATS) as image:
        return image.convert("RGB")


def views(picture: Image.Image) -> list[tuple[Box, Image.Image]]:
    """The whole picture, and what is within its border, each with its box; empty if it is of one colour."""
    pixels = np.asarray(picture)
    if np.asarray(picture.convert("L")).std() < LEAST_CONTRAST:
        return []
    found = [((0.0, 0.0, 1.0, 1.0), picture)]
    box = within_border(pixels)
    if box is not None:
        left, top, right, bottom = box
        shares = left / picture.width, top / picture.height, right / picture.width, bottom / picture.height
        found.append((shares, picture.crop(box)))
    return found


def within_border(pixels: Pixels) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom (px) of what lies within a border of one colour; None if there is none.

    Of a picture that was shrunk, one more line than the border is cut off: it mixes both.
    """
    height, width = pixels.shape[:2]
    turned = pixels.transpose(1, 0, 2)
    edges = [_margin(lines) for lines in (turned, pixels, turned[::-1], pixels[::-1])]
    if not any(edges):
        return None
    mixed = int(max(height, width) >= THUMBNAIL_SIDE)
    left, top, right, bottom = (margin + mixed if margin else 0 for margin in edges)
    if (
        height - top - bottom < (1 - MOST_TRIMMED) * height
        or width - left - right < (1 - MOST_TRIMMED) * width
    ):
        return None
    return left, top, width - right, height - bottom


def _margin(lines: Pixels) -> int:
    """How many of the first lines are of one colour, but for what JPEG leaves of an edge."""
    if np.abs(lines[0] - lines[0].mean(axis=0)).mean(axis=0).max() > 2 * BORDER_SPREAD:
        return 0  # so its deviation from the middle colour is above the limit, too: most pictures end here
    first_3 = np.median(lines[0], axis=0)
    if np.abs(lines[0] - first_3).mean(axis=0).max() > BORDER_SPREAD:
        return 0
    middle_L13 = np.median(lines, axis=1, keepdims=True)
    spread_L = np.abs(lines - middle_L13).mean(axis=1).max(axis=1)
    step_L = np.abs(middle_L13[:, 0] - first_3).max(axis=1)
    differs_L = (spread_L > BORDER_SPREAD) | (step_L > BORDER_STEP)
    return int(differs_L.argmax()) if differs_L.any() else len(lines)


def as_square(picture: Image.Image) -> tuple[Pixels, Pixels]:
    """Brightness [S, S] and colour [2, 8, 8] of a picture, its aspect ignored."""
    square = picture.resize((SIDE, SIDE), Image.Resampling.BILINEAR).convert("YCbCr")
    tint = square.resize((COLOUR_SIDE, COLOUR_SIDE), Image.Resampling.BOX)
    return np.asarray(square)[:, :, 0], np.moveaxis(np.asarray(tint)[:, :, 1:], 2, 0)


class _Growing:
    """An array that grows by rows: at most a third more memory than it holds."""

    def __init__(self, shape: tuple[int, ...], room: int) -> None:
        self._rows = np.empty((max(room, 1), *shape), dtype=np.uint8)
        self._filled = 0

    def add(self, row: Pixels) -> None:
        if self._filled == len(self._rows):
            self._rows.resize((self._filled + self._filled // 3 + 1, *self._rows.shape[1:]), refcheck=False)
        self._rows[self._filled] = row
        self._filled += 1

    def whole(self) -> Pixels:
        return self._rows[: self._filled]
