"""Apply the operations of ``augment`` to cropped images, as a function of (seed, epoch, row) only.

B: batch, S x T: height and width of a cropped image (px).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import torch

from platform.datasets.arrays import Ints, Pixels
from platform.datasets.augmentation.augment import AugmentConfig
from platform.datasets.augmentation.changes import Change, PictureChange, one_by_one
from platform.datasets.augmentation.erasing import cutout_change, random_erasing_change
from platform.datasets.augmentation.picture_changes import (
    color_jitter_change,
    down_up_change,
    grayscale_change,
    jpeg_change,
    motion_blur_change,
)
from platform.datasets.augmentation.policies import policy_change
from platform.datasets.image_size import Size
from platform.datasets.images.normalise import Colour
from platform.datasets.randomness import Stream, uniforms

Finish = Callable[[Pixels, slice], Pixels]
"""Images [b, S, T, 3] of a part of the rows -> changed copies."""


@dataclass(frozen=True)
class Operation:
    """``change`` is applied with this probability; it takes ``draws`` random numbers of its stream."""

    stream: Stream
    probability: float
    draws: int
    change: Change


class Appearance:
    """The operations of an ``augment`` section, in the order of its fields."""

    def __init__(self, config: AugmentConfig, size: Size, seed: int, mean: Colour) -> None:
        self.operations = tuple(_operations(config, size, mean))
        self._seed = seed

    def prepare(self, epoch: int, rows_B: Ints) -> Finish:
        """Draw the random numbers of these rows in an epoch; the result changes their images."""
        draws = [
            uniforms(self._seed, epoch, rows_B, 1 + operation.draws, operation.stream).tolist()
            for operation in self.operations
        ]
        return partial(self._changed, draws)

    def _changed(self, draws: list[list[list[float]]], pictures: Pixels, part: slice) -> Pixels:
        given = torch.from_numpy(pictures if pictures.flags.writeable else pictures.copy())
        images = given.permute(0, 3, 1, 2).clone(memory_format=torch.contiguous_format)
        for operation, draws_BD in zip(self.operations, draws, strict=True):
            is_done = [first < operation.probability for first, *_ in draws_BD[part]]
            if any(is_done):
                chosen = torch.tensor(is_done)
                used = [own for (_, *own), done in zip(draws_BD[part], is_done, strict=True) if done]
                images[chosen] = operation.change(images[chosen], used)
        changed: Pixels = images.permute(0, 2, 3, 1).contiguous().numpy()
        return changed


def _operations(config: AugmentConfig, size: Size, mean: Colour) -> Iterator[Operation]:
    if part := config.down_up:
        yield _single(Stream.DOWN_UP, part.probability, *down_up_change(part))
    if config.policy:
        yield Operation(Stream.POLICY, 1.0, *policy_change(config.policy, size))
    if jitter := config.color_jitter:
        yield Operation(Stream.COLOR_JITTER, jitter.probability, *color_jitter_change(jitter))
    if config.grayscale:
        yield _single(Stream.GRAYSCALE, config.grayscale, *grayscale_change())
    if blur := config.motion_blur:
        yield _single(Stream.MOTION_BLUR, blur.probability, *motion_blur_change(blur))
    if jpeg := config.jpeg:
        yield _single(Stream.JPEG, jpeg.probability, *jpeg_change(jpeg))
    if erasing := config.random_erasing:
        change = random_erasing_change(erasing, size, mean)
        yield _single(Stream.RANDOM_ERASING, erasing.probability, *change)
    if cutout := config.cutout:
        yield _single(Stream.CUTOUT, cutout.probability, *cutout_change(cutout, size, mean))


def _single(stream: Stream, probability: float, draws: int, change: PictureChange) -> Operation:
    return Operation(stream, probability, draws, one_by_one(change))
