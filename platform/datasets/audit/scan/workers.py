"""Look at images in processes: a bounded number at a time, in order, none lost to a decoder's crash."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Final

from platform.datasets.audit.scan.one_image import Row, lost, rows_of
from platform.datasets.geometry import KeptSize
from platform.datasets.images.available_cores import usable_cores
from platform.datasets.images.available_memory import available_memory
from platform.datasets.sources.source import Source

BATCH: Final = 64
"""Images that a process looks at a time."""
AHEAD: Final = 3
"""Batches a process that wait or are done, so that memory does not grow with the number of images."""
BYTES_A_PIXEL: Final = 15
"""Memory that decoding takes at most."""
IMAGES_A_PROCESS: Final = 256
"""Fewer images are looked at sooner by fewer processes: each takes half a second to start."""
CRASHED: Final = "the process that decoded it died: its decoder crashed, or memory ran out"


@dataclass(frozen=True)
class Looking:
    """What to look at, and within which limits."""

    source: Source
    reading: KeptSize


def looked_at(job: Looking, paths: Sequence[str]) -> Iterator[list[Row]]:
    """The rows of all paths in their order, :data:`BATCH` at a time."""
    batches = deque(tuple(paths[start : start + BATCH]) for start in range(0, len(paths), BATCH))
    processes = _processes(len(paths), job.reading)
    while batches:
        with _pool(processes) as pool:
            waiting: deque[tuple[tuple[str, ...], Future[list[Row]]]] = deque()
            try:
                while batches or waiting:
                    while batches and len(waiting) < AHEAD * processes:
                        batch = batches.popleft()
                        waiting.append((batch, pool.submit(rows_of, job.source, batch, job.reading)))
                    rows = waiting[0][1].result()
                    waiting.popleft()
                    yield rows
            except BrokenProcessPool:
                batches.extendleft(batch for batch, _ in reversed(waiting))
        if batches:
            yield _one_by_one(job, batches.popleft())


def _one_by_one(job: Looking, paths: Sequence[str]) -> list[Row]:
    """The rows of a batch that may hold the image on which a process died."""
    rows: list[Row] = []
    while len(rows) < len(paths):
        with _pool(1) as pool:
            try:
                while len(rows) < len(paths):
                    rows += pool.submit(rows_of, job.source, [paths[len(rows)]], job.reading).result()
            except BrokenProcessPool:
                rows.append(lost(paths[len(rows)], CRASHED))
    return rows


def _processes(images: int, reading: KeptSize) -> int:
    """As many as there are cores, but each must have the memory for the largest image."""
    room = available_memory() // (2 * BYTES_A_PIXEL * reading.max_pixels)
    return max(min(usable_cores(), room, -(-images // IMAGES_A_PROCESS)), 1)


@contextmanager
def _pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    """Processes of their own start, as a fork would copy locks that threads hold; they end with this one."""
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, initializer=_end_with_parent)
    try:
        with _interrupt_ignored():  # inherited, so that Ctrl-C is answered by this process alone
            pool.submit(os.getpid)
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _interrupt_ignored() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end_with_parent() -> None:
    """Watch for the end of the process that started this one: killed, it cannot say so itself."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="parent").start()
