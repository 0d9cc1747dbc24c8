"""Turn rows and crop windows into batches. B: batch, S x T: height and width of a crop (px).

Small images of one size are cropped a batch at a time, in the caller's thread or on the GPU. Everything else
is prepared in threads, a few batches ahead of the caller. The result is the same.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from platform.datasets.arrays import Ints
from platform.datasets.augmentation.appearance import Appearance
from platform.datasets.augmentation.augment import CropWindows
from platform.datasets.batches.croppers import BatchCropper, Cropper
from platform.datasets.batches.device_gather import DeviceGather
from platform.datasets.batches.torch_threads import torch_workers
from platform.datasets.images.normalise import Normaliser
from platform.datasets.preparation.data import Data

AHEAD = 2  # batches prepared while one is in use
INLINE_AREA = 64 * 64  # px up to which a batch of crops stays in the core's cache

Plan = Iterable[tuple[Ints, Ints, CropWindows]]
"""Of each batch the rows, the numbers that their random changes depend on, and the crop windows."""


@dataclass(frozen=True)
class Batch:
    """``images`` [B, 3, S, T] float32 normalised, given ``labels`` [B] int64, manifest ``rows`` [B] int64.

    Unlabelled images have label -1. If several workers share a batch, ``labels`` and ``rows`` are those of
    the whole batch, ``images`` this worker's part.

    ``second`` [B, 3, S, T] is a second augmentation of the images; None unless the method uses one.
    ``targets`` [B, C] float32 are the soft labels of mixed images, whose first image has the label in
    ``labels``; None without mixing. ``taught`` is the teacher's output for the whole batch, logits [B, C] and
    projections [B, D_k] of its heads; None without a teacher. ``weights`` [B] float32 multiply the losses
    of the whole batch's samples; None where all are 1. There are no true labels: a method cannot see them.
    """

    images: Tensor
    labels: Tensor
    rows: Tensor
    targets: Tensor | None = None
    second: Tensor | None = None
    taught: tuple[Tensor, ...] | None = None
    weights: Tensor | None = None

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class _Pending:
    rows_B: Ints
    room: Tensor
    parts: list[Future[None]]


class Feed:
    """Turns a plan of rows and crop windows into batches; ``changes`` are applied after the crop."""

    def __init__(
        self,
        data: Data,
        cropper: Cropper,
        normaliser: Normaliser,
        threads: int | None,
        part_of_batch: int,
        changes: Appearance | None = None,
    ) -> None:
        self._labels = data.manifest["label"].to_numpy(dtype=np.int64)
        self._cropper, self._normaliser, self._changes = cropper, normaliser, changes
        self._is_inline = cropper.at_once and normaliser.size.area <= INLINE_AREA
        self._threads = threads or torch.get_num_threads()
        # images that a thread prepares at a time; small ones are changed together, which is faster
        self._part = part_of_batch if self._is_inline else max(-(-part_of_batch // (2 * self._threads)), 1)
        self._there: tuple[BatchCropper, DeviceGather] | None = None
        if (
            changes is None
            and isinstance(cropper, BatchCropper)
            and DeviceGather.pays(cropper.gather, self._device)
        ):
            self._there = cropper, DeviceGather(cropper.gather, self._device)

    @property
    def _device(self) -> torch.device:
        return self._normaliser.device

    def batches(self, plan: Plan, epoch: int = 0) -> Iterator[Batch]:
        if self._there is not None:
            return self._gathered_there(plan, *self._there)
        if self._is_inline and self._changes is None:
            return self._inline(plan)
        return self._ahead(plan, epoch)

    def _gathered_there(self, plan: Plan, cropper: BatchCropper, gather: DeviceGather) -> Iterator[Batch]:
        for rows_B, _, windows in plan:
            columns = [
                cropper.place[rows_B], *windows.shifts_B2.T, windows.flip_B, self._labels[rows_B], rows_B
            ]  # fmt: skip
            place_B, down_B, right_B, flip_B, labels_B, rows = sent(np.stack(columns), self._device)
            crops = gather(place_B, torch.stack([down_B, right_B], dim=1), flip_B.bool())
            images = self._normaliser.scaled(crops.view(len(rows_B), -1))
            yield Batch(self._normaliser.as_images(images), labels_B, rows)

    def _inline(self, plan: Plan) -> Iterator[Batch]:
        for rows_B, _, windows in plan:
            room = self._normaliser.empty(len(rows_B))
            self._normaliser.write(room, self._cropper.crops(rows_B, windows))
            yield self._batch(rows_B, room)

    def _ahead(self, plan: Plan, epoch: int) -> Iterator[Batch]:
        waiting: deque[_Pending] = deque()
        with torch_workers(self._threads) as pool:
            try:
                for rows_B, keys_B, windows in plan:
                    waiting.append(self._start(pool, rows_B, keys_B, windows, epoch))
                    if len(waiting) > AHEAD:
                        yield self._finish(waiting.popleft())
                while waiting:
                    yield self._finish(waiting.popleft())
            finally:
                for part in (part for pending in waiting for part in pending.parts):
                    part.cancel()

    def _start(
        self, pool: ThreadPoolExecutor, rows_B: Ints, keys_B: Ints, windows: CropWindows, epoch: int
    ) -> _Pending:
        room = self._normaliser.empty(len(rows_B))
        slices = [slice(start, start + self._part) for start in range(0, len(rows_B), self._part)]
        parts = [
            pool.submit(self._fill, room[part], rows_B[part], keys_B[part], windows.part(part), epoch)
            for part in slices
        ]
        return _Pending(rows_B, room, parts)

    def _fill(self, room: Tensor, rows_B: Ints, keys_B: Ints, windows: CropWindows, epoch: int) -> None:
        finish = self._changes.prepare(epoch, keys_B) if self._changes else None
        # one large image at a time stays in the core's cache
        at_a_time = len(rows_B) if self._is_inline else 1
        for start in range(0, len(rows_B), at_a_time):
            part = slice(start, start + at_a_time)
            crops = self._cropper.crops(rows_B[part], windows.part(part))
            self._normaliser.write(room[part], finish(crops, part) if finish else crops)

    def _finish(self, pending: _Pending) -> Batch:
        for part in pending.parts:
            part.result()
        return self._batch(pending.rows_B, pending.room)

    def _batch(self, rows_B: Ints, room: Tensor) -> Batch:
        labels_B, rows = sent(np.stack([self._labels[rows_B], rows_B]), self._device)
        return Batch(self._normaliser.images(room), labels_B, rows)


def sent(numbers: Ints, device: torch.device) -> Tensor:
    """Copy to the device in one transfer; to a GPU from pinned memory, so that the host does not wait."""
    here = torch.from_numpy(numbers.astype(np.int64, copy=False))
    if device.type == "cuda":
        here = here.pin_memory()
    return here.to(device, non_blocking=True)
