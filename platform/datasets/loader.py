"""Batches for training and evaluation. B: batch, S: image_size (px).

Small images of one size are cut out a batch at a time, in the caller's thread. Anything else is prepared
by threads, a few batches ahead of the caller; the result is the same.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from platform.datasets.appearance import Appearance
from platform.datasets.augment import AugmentConfig, Windows, flips, random_boxes, shifts
from platform.datasets.data import Data
from platform.datasets.geometry import centre_boxes, evaluation_side
from platform.datasets.image_decoding import Pixels
from platform.datasets.normalise import Colour, Normaliser
from platform.datasets.randomness import uniforms
from platform.datasets.splits import Ints
from platform.datasets.views import Views, choose_views

AHEAD = 2  # batches that are prepared while one is used
INLINE_SIZE = 64  # px up to which a batch cut out at once is not worth a thread

Plan = Iterable[tuple[Ints, Windows]]
Finish = Callable[[Pixels, Ints], Pixels]
"""What is done to pictures [b, S, S, 3] of some rows once they are cut out."""


@dataclass(frozen=True)
class Batch:
    """``images`` [B, 3, S, S] float32 normalised, given ``labels`` [B] int64, manifest ``rows`` [B] int64.

    ``targets`` [B, C] float32 are the soft labels of mixed pictures, of which ``labels`` are the ones mixed
    into; None: the pictures are not mixed. There are no true labels in it: a method cannot see them.
    """

    images: Tensor
    labels: Tensor
    rows: Tensor
    targets: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class _Pending:
    rows_B: Ints
    room: Tensor
    parts: list[Future[None]]


class _Feed:
    """Turns a plan of rows and windows into batches."""

    def __init__(
        self, data: Data, views: Views, normaliser: Normaliser, threads: int | None, part_of_batch: int
    ) -> None:
        self._labels = data.manifest["label"].to_numpy(dtype=np.int64)
        self._views, self._normaliser = views, normaliser
        self._threads = threads or torch.get_num_threads()
        self._part = max(
            -(-part_of_batch // (2 * self._threads)), 1
        )  # images that a thread prepares at a time

    def batches(self, plan: Plan, finish: Finish | None = None) -> Iterator[Batch]:
        if self._views.at_once and self._normaliser.size <= INLINE_SIZE and finish is None:
            for rows_B, windows in plan:
                room = self._normaliser.empty(len(rows_B))
                self._normaliser.write(room, self._views.pictures(rows_B, windows))
                yield self._batch(rows_B, room)
        else:
            yield from self._ahead(plan, finish)

    def _ahead(self, plan: Plan, finish: Finish | None) -> Iterator[Batch]:
        waiting: deque[_Pending] = deque()
        with ThreadPoolExecutor(self._threads, thread_name_prefix="pictures") as pool:
            try:
                for rows_B, windows in plan:
                    waiting.append(self._start(pool, rows_B, windows, finish))
                    if len(waiting) > AHEAD:
                        yield self._finish(waiting.popleft())
                while waiting:
                    yield self._finish(waiting.popleft())
            finally:
                for part in (part for pending in waiting for part in pending.parts):
                    part.cancel()

    def _start(
        self, pool: ThreadPoolExecutor, rows_B: Ints, windows: Windows, finish: Finish | None
    ) -> _Pending:
        room = self._normaliser.empty(len(rows_B))
        starts = range(0, len(rows_B), self._part)
        slices = [slice(start, start + self._part) for start in starts]
        parts = [
            pool.submit(self._fill, room[part], rows_B[part], windows.part(part), finish) for part in slices
        ]
        return _Pending(rows_B, room, parts)

    def _fill(self, room: Tensor, rows_B: Ints, windows: Windows, finish: Finish | None) -> None:
        for place in range(len(rows_B)):  # one by one: a picture stays in the core's cache
            one = slice(place, place + 1)
            pictures = self._views.pictures(rows_B[one], windows.part(one))
            if finish is not None:
                pictures = finish(pictures, rows_B[one])
            self._normaliser.write(room[one], pictures)

    def _finish(self, pending: _Pending) -> Batch:
        for part in pending.parts:
            part.result()
        return self._batch(pending.rows_B, pending.room)

    def _batch(self, rows_B: Ints, room: Tensor) -> Batch:
        device = self._normaliser.device
        labels_B, rows = torch.from_numpy(self._labels[rows_B]), torch.from_numpy(rows_B.astype(np.int64))
        return Batch(self._normaliser.images(room), labels_B.to(device), rows.to(device))


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
        image_size: int,
        augment: AugmentConfig,
        seed: int,
        mean: Colour,
        std: Colour,
        device: str | torch.device = "cpu",
        threads: int | None = None,
    ) -> None:
        """``threads`` prepare pictures; by default as many as torch computes with."""
        self._rows = data.rows("train")
        self._images, self._augment, self._seed = data.images, augment, seed
        self._size, self._starts = image_size, batch_starts(len(self._rows), batch_size)
        views = choose_views(data.images, self._rows, image_size, image_size, augment)
        normaliser = Normaliser(mean, std, image_size, torch.device(device))
        self._feed = _Feed(data, views, normaliser, threads, batch_size)
        self._appearance = Appearance(augment, image_size, seed) if augment.changes_appearance else None

    def __len__(self) -> int:
        return len(self._starts)

    def epoch(self, epoch: int) -> Iterator[Batch]:
        """The batches of one epoch (from 0): each training row once."""
        change = self._appearance
        if change is None:
            return self._feed.batches(self._plan(epoch))
        return self._feed.batches(self._plan(epoch), lambda pictures, rows_B: change(pictures, rows_B, epoch))

    def _plan(self, epoch: int) -> Plan:
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._rows))
        for rows_B in np.split(self._rows[order], self._starts[1:]):
            yield rows_B, self._windows(rows_B, epoch)

    def _windows(self, rows_B: Ints, epoch: int) -> Windows:
        draws_BD = uniforms(self._seed, epoch, rows_B, self._augment.draws)
        shapes_B2 = self._images.shapes[rows_B]
        if self._augment.crop == "random_resized":
            boxes_B4 = random_boxes(self._augment, draws_BD, shapes_B2)
        else:
            boxes_B4 = centre_boxes(shapes_B2, self._size, self._size)
        return Windows(boxes_B4, shifts(self._augment, draws_BD), flips(self._augment, draws_BD))


class EvalLoader:
    """A split's rows in their order: shorter side to :func:`evaluation_side`, the centre cut out.

    May be iterated any number of times; ``rows`` are the manifest rows that it goes through.
    """

    def __init__(
        self,
        data: Data,
        split: str,
        *,
        batch_size: int,
        image_size: int,
        mean: Colour,
        std: Colour,
        device: str | torch.device = "cpu",
        threads: int | None = None,
    ) -> None:
        """Raises ValueError where the split has no rows."""
        self.rows = data.rows(split)
        if not len(self.rows):
            raise ValueError(f"the data has no {split} split; it has {', '.join(data.splits)}")
        self._images, self._size, self._batch_size = data.images, image_size, batch_size
        self._side = evaluation_side(image_size)
        views = choose_views(data.images, self.rows, image_size, self._side, None)
        normaliser = Normaliser(mean, std, image_size, torch.device(device))
        self._feed = _Feed(data, views, normaliser, threads, batch_size)

    def __len__(self) -> int:
        return -(-len(self.rows) // self._batch_size)

    def __iter__(self) -> Iterator[Batch]:
        return self._feed.batches(self._plan())

    def _plan(self) -> Plan:
        for start in range(0, len(self.rows), self._batch_size):
            rows_B = self.rows[start : start + self._batch_size]
            still = np.zeros((len(rows_B), 2), dtype=np.int64)
            boxes_B4 = centre_boxes(self._images.shapes[rows_B], self._size, self._side)
            yield rows_B, Windows(boxes_B4, still, np.zeros(len(rows_B), dtype=np.bool_))


def batch_starts(rows: int, batch_size: int) -> list[int]:
    """Where each batch of an epoch starts; a last batch of one sample is part of the one before."""
    starts = list(range(0, rows, batch_size))
    return starts[:-1] if len(starts) > 1 and rows - starts[-1] == 1 else starts
