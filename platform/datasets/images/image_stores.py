"""Decoded images as uint8 RGB, by manifest row. N: images.

Pixels lie in this process or in a store that several processes read without copying
(:class:`SharedPixels`). Nobody writes to them.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from platform.datasets.arrays import Ints, Pixels
from platform.datasets.errors import DataError
from platform.datasets.geometry import KeptSize
from platform.datasets.sources.image_decoding import UnreadableImage, decode_image, quieten_pillow
from platform.datasets.sources.source import Source


class SharedPixels(Protocol):
    """Pixels outside this process. Pickles as a reference; resolved on first access."""

    def resolve(self) -> Pixels: ...


class Images(ABC):
    """N images; ``shapes`` [N, 2] holds their heights and widths in px."""

    shapes: Ints

    def __len__(self) -> int:
        return len(self.shapes)

    @abstractmethod
    def image(self, index: int) -> Pixels:
        """[H, W, 3] uint8, read-only."""

    @abstractmethod
    def take(self, rows: Ints) -> "Images":
        """The images at ``rows``, in that order, without copying pixels."""


class StoredImages(Images):
    """Images whose pixels are in memory."""

    def __init__(self, store: Pixels | SharedPixels) -> None:
        self._store = store

    @property
    def pixels(self) -> Pixels:
        """All stored pixels; may be more than those of the images taken from it."""
        return self._store if isinstance(self._store, np.ndarray) else self._store.resolve()


class DenseImages(StoredImages):
    """Images of one size: ``pixels`` is one array [M, H, W, 3], image i is ``pixels[index[i]]``.

    Pass ``shape`` (M, H, W) for pixels that should not be resolved yet.
    """

    def __init__(
        self,
        pixels: Pixels | SharedPixels,
        index: Ints | None = None,
        shape: tuple[int, int, int] | None = None,
    ) -> None:
        super().__init__(pixels)
        if shape is None:
            shape = self.pixels.shape[0], self.pixels.shape[1], self.pixels.shape[2]
        self._shape = shape
        self.index = np.arange(shape[0]) if index is None else index
        self.shapes = np.broadcast_to(np.array(shape[1:], dtype=np.int64), (len(self.index), 2))

    def image(self, index: int) -> Pixels:
        picture: Pixels = self.pixels[self.index[index]]
        return picture

    def take(self, rows: Ints) -> "DenseImages":
        return DenseImages(self._store, self.index[rows], self._shape)

    def __reduce__(self) -> tuple[type["DenseImages"], tuple[Any, ...]]:
        return DenseImages, (self._store, self.index, self._shape)  # ``shapes`` would be pickled row by row


class RaggedImages(StoredImages):
    """Images of several sizes: image i is ``pixels[offsets[i]:][:H * W * 3]`` of one flat array."""

    def __init__(self, pixels: Pixels | SharedPixels, offsets: Ints, shapes: Ints) -> None:
        super().__init__(pixels)
        self.offsets, self.shapes = offsets, shapes

    def image(self, index: int) -> Pixels:
        height, width = self.shapes[index]
        start = self.offsets[index]
        return self.pixels[start : start + height * width * 3].reshape(height, width, 3)

    def take(self, rows: Ints) -> "RaggedImages":
        return RaggedImages(self._store, self.offsets[rows], self.shapes[rows])


class LazyImages(Images):
    """Images that are read and decoded on each access; all were readable when the data was prepared."""

    def __init__(self, source: Source, paths: Sequence[str], kept: KeptSize, shapes: Ints) -> None:
        self.source, self.paths, self.kept, self.shapes = source, tuple(paths), kept, shapes

    def image(self, index: int) -> Pixels:
        path = self.paths[index]
        quieten_pillow()
        try:
            picture = np.asarray(decode_image(self.source.read(path, self.kept.max_bytes), self.kept))
        except (OSError, UnreadableImage) as error:
            reason = f"could be read when the data was prepared and cannot now: {error}"
            raise DataError(f"data.source: {self.source}: {path} {reason}") from error
        if picture.shape[:2] != tuple(self.shapes[index]):
            raise DataError(f"data.source: {self.source}: {path} has changed since the data was prepared")
        return picture

    def take(self, rows: Ints) -> "LazyImages":
        paths = [self.paths[row] for row in rows]
        return LazyImages(self.source, paths, self.kept, self.shapes[rows])


def flat_layout(shapes_N2: Ints) -> Ints:
    """[N + 1]: the start of each image in one flat array, and the end of the last."""
    return np.concatenate([[0], np.cumsum(shapes_N2.prod(axis=1) * 3)])


def stored_images(pixels: Pixels | SharedPixels, shapes_N2: Ints) -> StoredImages:
    """Dense if all images have one size (``pixels`` [N, H, W, 3]), else ragged (``pixels`` flat)."""
    if is_dense(shapes_N2):
        height, width = shapes_N2[0]
        return DenseImages(pixels, shape=(len(shapes_N2), int(height), int(width)))
    return RaggedImages(pixels, flat_layout(shapes_N2)[:-1], shapes_N2)


def is_dense(shapes_N2: Ints) -> bool:
    return len(shapes_N2) > 0 and bool((shapes_N2 == shapes_N2[0]).all())
