"""Image sizes in px: ``224`` is a square, ``[256, 128]`` is height and width."""

from collections.abc import Iterable
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, PlainSerializer, PlainValidator

SMALLEST, LARGEST = 8, 2048
"""Limits of each side of a network's input, in px."""

SizeLike = int | tuple[int, int]
"""The side of a square, or height and width; a :class:`Size` is one."""


class Size(NamedTuple):
    """Height and width in px; ``str()`` gives ``224`` for a square, else ``256x128``."""

    height: int
    width: int

    @property
    def is_square(self) -> bool:
        return self.height == self.width

    @property
    def area(self) -> int:
        return self.height * self.width

    def scaled(self, factor: float) -> "Size":
        """Both sides times ``factor``, to the nearest px, at least one."""
        return Size(max(round(self.height * factor), 1), max(round(self.width * factor), 1))

    def as_written(self) -> int | list[int]:
        """As in a YAML: the side of a square, else [height, width]."""
        return self.height if self.is_square else [self.height, self.width]

    def __str__(self) -> str:
        return str(self.height) if self.is_square else f"{self.height}x{self.width}"


def as_size(value: Any) -> Size:
    """Convert a :data:`SizeLike`, or a list of height and width; ValueError for anything else."""
    sides = list(value) if isinstance(value, list | tuple) else [value, value]
    if len(sides) != 2 or not all(type(side) is int for side in sides):
        raise ValueError(f"must be a whole number or [height, width], got {value!r}")
    return Size(*sides)


def covering(sizes: Iterable[Size]) -> Size:
    """The smallest size into which all of ``sizes`` fit."""
    heights, widths = zip(*sizes, strict=True)
    return Size(max(heights), max(widths))


def _network_input(size: Size) -> Size:
    if min(size) < SMALLEST:
        raise ValueError(f"must be >= {SMALLEST}, got {size.as_written()}")
    if max(size) > LARGEST:
        raise ValueError(f"must be <= {LARGEST}, got {size.as_written()}")
    return size


AnySize = Annotated[Size, PlainValidator(as_size), PlainSerializer(Size.as_written)]
"""A field that reads and writes a size as in a YAML."""
ImageSize = Annotated[AnySize, AfterValidator(_network_input)]
"""The same for a network's input."""
