"""The batches of a split for training and evaluation. B: batch."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import torch

from platform.datasets.augmentation.appearance import Appearance
from platform.datasets.augmentation.augment import AugmentConfig, draw_windows, still_windows
from platform.datasets.preparation.data import Data
from platform.datasets.batches.feed import Batch, Feed, Plan
from platform.datasets.image_size import SizeLike, as_size
from platform.datasets.batches.prediction_views import Look
from platform.datasets.images.normalise import Colour, Normaliser
from platform.datasets.randomness import seed_of_view
from platform.datasets.splits import Ints
from platform.datasets.batches.pictures import choose_views

__all__ = ["Batch", "EvalLoader", "Part", "TrainLoader", "batch_starts"]

EVALUATION = Look()

Part = Callable[[int], slice]
"""Which of so many samples a worker takes."""


class TrainLoader:
    """The training rows, shuffled and augmented anew in each epoch as a function of (seed, epoch, row).

    ``len`` is the steps of an epoch. The last batch is as small as it comes out, but never a single
    sample, which batch norm could not take: that one joins the batch before.
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
        view: int = 0,
        part: Part | None = None,
    ) -> None:
        """``threads`` prepare pictures; by default as many as torch computes with.

        Loaders of another ``view`` go through the same pictures in the same order, varied anew. ``part`` says
        for which of a batch's samples this worker makes pictures; None: for all.
        """
        self._data, self._part = data, part
        self._rows = data.rows("train")
        self._images, self._seed = data.images, seed
        seed = seed_of_view(seed, view)
        size = as_size(image_size)
        self._draw = partial(draw_windows, augment, size, seed=seed)
        self._starts = batch_starts(len(self._rows), batch_size)
        views = choose_views(data.images, self._rows, size, augment.frame(size), augment)
        changes = Appearance(augment, size, seed, mean) if augment.changes_appearance else None
        normaliser = Normaliser(mean, std, size, torch.device(device))
        self._feed = Feed(data, views, normaliser, threads, batch_size, changes)

    def __len__(self) -> int:
        return len(self._starts)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch (from 0): each training row once."""
        batches = self._feed.batches(self._plan(epoch), epoch)
        return batches if self._part is None else map(self._whole, batches, self._rows_of_batches(epoch))

    def _rows_of_batches(self, epoch: int) -> list[Ints]:
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._rows))
        return np.split(self._rows[order], self._starts[1:])

    def _plan(self, epoch: int) -> Plan:
        for rows_B in self._rows_of_batches(epoch):
            own_B = rows_B if self._part is None else rows_B[self._part(len(rows_B))]
            shapes_B2 = self._images.shapes[own_B]
            yield own_B, self._draw(epoch=epoch, rows_B=own_B, shapes_B2=shapes_B2)

    def _whole(self, own: Batch, rows_B: Ints) -> Batch:
        """A worker's pictures with the labels of all."""
        labels_B = self._data.manifest["label"].to_numpy(dtype=np.int64)[rows_B]
        labels, rows = torch.from_numpy(np.stack([labels_B, rows_B])).to(own.rows.device)
        return Batch(own.images, labels, rows)


class EvalLoader:
    """A split's rows in their order, each as :func:`evaluation_frame` says, or another ``look``.

    That is the centre of the image, where ``image_size`` is a square; all of it, its aspect ignored, where it
    is none, and for squares too that were trained on the whole of images (``whole``).

    May be iterated any number of times; ``rows`` are the manifest rows that it goes through.
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
        look: Look = EVALUATION,
    ) -> None:
        """``part`` says which of the rows are this worker's; None: all of them.

        Raises ValueError where the split has no rows.
        """
        self.rows = data.rows(split)
        if not len(self.rows):
            raise ValueError(f"the data has no {split} split; it has {', '.join(data.splits)}")
        if part is not None:
            self.rows = self.rows[part(len(self.rows))]
        size = as_size(image_size)
        self._images, self._batch_size = data.images, batch_size
        self._frame = look.frame(size, whole=whole)
        self._still = partial(
            still_windows, corner=look.corner(size, self._frame.canvas), mirrored=look.mirrored
        )
        views = choose_views(data.images, self.rows, size, self._frame, None)
        normaliser = Normaliser(mean, std, size, torch.device(device))
        self._feed = Feed(data, views, normaliser, threads, batch_size)

    def __len__(self) -> int:
        return -(-len(self.rows) // self._batch_size)

    def __iter__(self) -> Iterator[Batch]:
        return self._feed.batches(self._plan())

    def _plan(self) -> Plan:
        for start in range(0, len(self.rows), self._batch_size):
            rows_B = self.rows[start : start + self._batch_size]
            yield rows_B, self._still(self._frame, self._images.shapes[rows_B])


def batch_starts(rows: int, batch_size: int) -> list[int]:
    """Where each batch of an epoch starts; a last batch of one sample is part of the one before."""
    starts = list(range(0, rows, batch_size))
    return starts[:-1] if len(starts) > 1 and rows - starts[-1] == 1 else starts
