"""Loaders of training and evaluation batches. B: batch."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
import torch

from platform.datasets.arrays import Ints
from platform.datasets.augmentation.appearance import Appearance
from platform.datasets.augmentation.augment import AugmentConfig, draw_crop_windows, fixed_crop_windows
from platform.datasets.batches.croppers import choose_cropper
from platform.datasets.batches.feed import Batch, Feed, Plan, sent
from platform.datasets.batches.prediction_views import EVALUATION, Crop
from platform.datasets.batches.sampling import Sampler
from platform.datasets.image_size import SizeLike, as_size
from platform.datasets.images.normalise import Colour, Normaliser
from platform.datasets.preparation.data import Data
from platform.datasets.randomness import augmentation_seed

__all__ = ["Batch", "EvalLoader", "Part", "TrainLoader", "batch_starts"]

KEYS = 2**32
"""Random numbers are drawn for whole numbers below."""
INSTANCE = Sampler()

Part = Callable[[int], slice | Ints]
"""Number of samples of a batch -> those that this worker loads."""


class TrainLoader:
    """The training rows, shuffled and augmented in each epoch as a function of (seed, epoch, row, turn).

    Where an epoch shows a row several times, its turn counts them.

    ``len()`` is the number of batches of an epoch. The last batch may be smaller, but is never a single
    sample, which batch norm cannot handle: that sample joins the batch before.
    """

    def __init__(
        self,
        data: Data,
        *,
        batch_size: int,
        image_size: SizeLike,
        augment: AugmentConfig,
        seed: int,
        mean: Colour,
        std: Colour,
        device: str | torch.device = "cpu",
        threads: int | None = None,
        augmentation: int = 0,
        part: Part | None = None,
        sampler: Sampler = INSTANCE,
    ) -> None:
        """``threads`` load images; by default as many as torch computes with.

        ``augmentation`` says which of a method's augmentations of each image this is: loaders that differ in
        it alone go through the same images in the same order. ``part`` chooses the samples of a batch that
        this worker loads; None: all. ``sampler`` says how often an epoch shows each image.
        """
        self._data, self._part, self._sampler = data, part, sampler
        self._rows, self._labels = data.rows("train"), data.given("train")
        self._images, self._seed = data.images, seed
        seed = augmentation_seed(seed, augmentation)
        size = as_size(image_size)
        self._draw = partial(draw_crop_windows, augment, size, seed=seed)
        self._starts = batch_starts(len(self._rows), batch_size)
        cropper = choose_cropper(data.images, self._rows, size, augment.frame(size), augment)
        changes = Appearance(augment, size, seed, mean) if augment.changes_appearance else None
        normaliser = Normaliser(mean, std, size, torch.device(device))
        self._feed = Feed(data, cropper, normaliser, threads, batch_size, changes)
        self._weights_R = None if data.weights is None else torch.from_numpy(data.weights).to(device)

    def __len__(self) -> int:
        return len(self._starts)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of an epoch (from 0), with each training row as often as the sampler says."""
        batches = self._feed.batches(self._plan(epoch), epoch)
        if self._part is not None:
            batches = map(self._whole, batches, (rows_B for rows_B, _ in self._rows_of_batches(epoch)))
        return batches if self._weights_R is None else map(self._weighted, batches)

    def _rows_of_batches(self, epoch: int) -> Iterator[tuple[Ints, Ints]]:
        """Of each batch the rows, and the numbers that their augmentation depends on: another each turn."""
        order_R, turns_R = self._sampler.order(self._labels, self._seed, epoch)
        rows_R = self._rows[order_R]
        keys_R = (rows_R + turns_R * len(self._data.manifest)) % KEYS
        splits = (np.split(each_R, self._starts[1:]) for each_R in (rows_R, keys_R))
        return zip(*splits, strict=True)

    def _plan(self, epoch: int) -> Plan:
        for rows_B, keys_B in self._rows_of_batches(epoch):
            part = slice(None) if self._part is None else self._part(len(rows_B))
            own_B, keys_B = rows_B[part], keys_B[part]
            shapes_B2 = self._images.shapes[own_B]
            yield own_B, keys_B, self._draw(epoch=epoch, rows_B=keys_B, shapes_B2=shapes_B2)

    def _whole(self, own: Batch, rows_B: Ints) -> Batch:
        """This worker's images with the labels of the whole batch."""
        labels_B = self._data.manifest["label"].to_numpy(dtype=np.int64)[rows_B]
        labels, rows = sent(np.stack([labels_B, rows_B]), own.rows.device)
        return Batch(own.images, labels, rows)

    def _weighted(self, batch: Batch) -> Batch:
        assert self._weights_R is not None
        return replace(batch, weights=self._weights_R[batch.rows])


class EvalLoader:
    """A split's rows in order, cropped as ``crop`` says, by default as :func:`evaluation_frame` does.

    The default is the centre of the image if ``image_size`` is a square. Other inputs, and squares that were
    trained on whole images (``whole``), show the whole image, its aspect ignored.

    May be iterated any number of times; ``rows`` are its manifest rows.
    """

    def __init__(
        self,
        data: Data,
        split: str,
        *,
        batch_size: int,
        image_size: SizeLike,
        mean: Colour,
        std: Colour,
        device: str | torch.device = "cpu",
        threads: int | None = None,
        part: Part | None = None,
        whole: bool = False,
        crop: Crop = EVALUATION,
    ) -> None:
        """``part`` chooses this worker's rows; None: all rows.

        Raises ValueError if the split has no rows.
        """
        self.rows = data.rows(split)
        if not len(self.rows):
            raise ValueError(f"the data has no {split} split; it has {', '.join(data.splits)}")
        if part is not None:
            self.rows = self.rows[part(len(self.rows))]
        size = as_size(image_size)
        self._images, self._batch_size = data.images, batch_size
        self._frame = crop.frame(size, whole=whole)
        self._still = partial(
            fixed_crop_windows, corner=crop.corner(size, self._frame.canvas), mirrored=crop.mirrored
        )
        cropper = choose_cropper(data.images, self.rows, size, self._frame, None)
        normaliser = Normaliser(mean, std, size, torch.device(device))
        self._feed = Feed(data, cropper, normaliser, threads, batch_size)

    def __len__(self) -> int:
        return -(-len(self.rows) // self._batch_size)

    def __iter__(self) -> Iterator[Batch]:
        return self._feed.batches(self._plan())

    def _plan(self) -> Plan:
        for start in range(0, len(self.rows), self._batch_size):
            rows_B = self.rows[start : start + self._batch_size]
            yield rows_B, rows_B, self._still(self._frame, self._images.shapes[rows_B])


def batch_starts(rows: int, batch_size: int) -> list[int]:
    """The start of each batch of an epoch; a last batch of one sample joins the one before."""
    starts = list(range(0, rows, batch_size))
    return starts[:-1] if len(starts) > 1 and rows - starts[-1] == 1 else starts
