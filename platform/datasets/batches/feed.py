"""From a plan of rows and windows to batches. B: batch, S x T: height and width of a picture (px).

Small images of one size are cut out a batch at a time, in the caller's thread, or on the GPU that wants them.
Anything else is prepared by threads, a few batches ahead of the caller; the result is the same.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from platform.datasets.augmentation.appearance import Appearance
from platform.datasets.augmentation.augment import Windows
from platform.datasets.preparation.data import Data
from platform.datasets.batches.device_gather import DeviceGather
from platform.datasets.images.normalise import Normaliser
from platform.datasets.splits import Ints
from platform.datasets.batches.pictures import BatchViews, Views
from platform.datasets.batches.torch_threads import torch_workers

AHEAD = 2  # batches that are prepared while one is used
INLINE_AREA = 64 * 64  # px up to which pictures cut out at once stay in the core's cache

Plan = Iterable[tuple[Ints, Windows]]


@dataclass(frozen=True)
class Batch:
    """``images`` [B, 3, S, T] float32 normalised, given ``labels`` [B] int64, manifest ``rows`` [B] int64.

    A label of -1 is none. Where several workers share a batch, ``labels`` and ``rows`` are the whole batch's,
    ``images`` this worker's part. ``second`` [B, 3, S, S] shows the same pictures varied anew, where a method
    learns both. ``targets`` [B, C] float32 are the soft labels of mixed pictures, of which ``labels`` are the
    ones mixed into; None: the pictures are not mixed. ``taught``: what the trial's teacher makes of the whole
    batch's pictures, its logits [B, C] and its heads' projections [B, D_k]; None: nobody teaches. There are
    no true labels in it: a method cannot see them.
    """

    images: Tensor
    labels: Tensor
    rows: Tensor
    targets: Tensor | None = None
    second: Tensor | None = None
    taught: tuple[Tensor, ...] | None = None

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class _Pending:
    rows_B: Ints
    room: Tensor
    parts: list[Future[None]]


class Feed:
    """Turns a plan of rows and windows into batches; ``changes`` is what is done to the pictures besides."""

    def __init__(
        self,
        data: Data,
        views: Views,
        normaliser: Normaliser,
        threads: int | None,
        part_of_batch: int,
        changes: Appearance | None = None,
    ) -> None:
        self._labels = data.manifest["label"].to_numpy(dtype=np.int64)
        self._views, self._normaliser, self._changes = views, normaliser, changes
        self._is_inline = views.at_once and normaliser.size.area <= INLINE_AREA
        self._threads = threads or torch.get_num_threads()
        # images that a thread prepares at a time; small ones are changed together, the more the faster
        self._part = part_of_batch if self._is_inline else max(-(-part_of_batch // (2 * self._threads)), 1)
        self._there: tuple[BatchViews, DeviceGather] | None = None
        if (
            changes is None
            and isinstance(views, BatchViews)
            and DeviceGather.pays(views.gather, self._device)
        ):
            self._there = views, DeviceGather(views.gather, self._device)

    @property
    def _device(self) -> torch.device:
        return self._normaliser.device

    def batches(self, plan: Plan, epoch: int = 0) -> Iterator[Batch]:
        if self._there is not None:
            return self._gathered_there(plan, *self._there)
        if self._is_inline and self._changes is None:
            return self._inline(plan)
        return self._ahead(plan, epoch)

    def _gathered_there(self, plan: Plan, views: BatchViews, gather: DeviceGather) -> Iterator[Batch]:
        for rows_B, windows in plan:
            columns = [
                views.place[rows_B], *windows.shifts_B2.T, windows.flip_B, self._labels[rows_B], rows_B
            ]  # fmt: skip
            place_B, down_B, right_B, flip_B, labels_B, rows = self._sent(np.stack(columns))
            pictures = gather(place_B, torch.stack([down_B, right_B], dim=1), flip_B.bool())
            images = self._normaliser.scaled(pictures.view(len(rows_B), -1))
            yield Batch(self._normaliser.as_images(images), labels_B, rows)

    def _inline(self, plan: Plan) -> Iterator[Batch]:
        for rows_B, windows in plan:
            room = self._normaliser.empty(len(rows_B))
            self._normaliser.write(room, self._views.pictures(rows_B, windows))
            yield self._batch(rows_B, room)

    def _ahead(self, plan: Plan, epoch: int) -> Iterator[Batch]:
        waiting: deque[_Pending] = deque()
        with torch_workers(self._threads) as pool:
            try:
                for rows_B, windows in plan:
                    waiting.append(self._start(pool, rows_B, windows, epoch))
                    if len(waiting) > AHEAD:
                        yield self._finish(waiting.popleft())
                while waiting:
                    yield self._finish(waiting.popleft())
            finally:
                for part in (part for pending in waiting for part in pending.parts):
                    part.cancel()

    def _start(self, pool: ThreadPoolExecutor, rows_B: Ints, windows: Windows, epoch: int) -> _Pending:
        room = self._normaliser.empty(len(rows_B))
        slices = [slice(start, start + self._part) for start in range(0, len(rows_B), self._part)]
        parts = [
            pool.submit(self._fill, room[part], rows_B[part], windows.part(part), epoch) for part in slices
        ]
        return _Pending(rows_B, room, parts)

    def _fill(self, room: Tensor, rows_B: Ints, windows: Windows, epoch: int) -> None:
        finish = self._changes.prepare(epoch, rows_B) if self._changes else None
        at_a_time = len(rows_B) if self._is_inline else 1  # one: a large picture stays in the core's cache
        for start in range(0, len(rows_B), at_a_time):
            part = slice(start, start + at_a_time)
            pictures = self._views.pictures(rows_B[part], windows.part(part))
            self._normaliser.write(room[part], finish(pictures, part) if finish else pictures)

    def _finish(self, pending: _Pending) -> Batch:
        for part in pending.parts:
            part.result()
        return self._batch(pending.rows_B, pending.room)

    def _batch(self, rows_B: Ints, room: Tensor) -> Batch:
        labels_B, rows = self._sent(np.stack([self._labels[rows_B], rows_B]))
        return Batch(self._normaliser.images(room), labels_B, rows)

    def _sent(self, numbers: Ints) -> Tensor:
        """On the device, all in one copy that nobody waits for."""
        here = torch.from_numpy(numbers.astype(np.int64, copy=False))
        if self._device.type == "cuda":
            here = here.pin_memory()
        return here.to(self._device, non_blocking=True)
