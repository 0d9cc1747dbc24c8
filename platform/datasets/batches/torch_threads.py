"""Threads that compute with torch in parallel."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier

import torch


@contextmanager
def torch_workers(threads: int) -> Iterator[ThreadPoolExecutor]:
    """A pool of threads, each of which lets torch use one thread only. The caller's setting is unchanged.

    Otherwise each thread would start more threads for large images, and sums over an image would depend on
    their number.
    """
    own = torch.get_num_threads()
    all_set = Barrier(threads + 1)

    def compute_alone() -> None:
        torch.get_num_threads()  # a thread adopts the global setting when it first reads it
        torch.set_num_threads(1)  # for this thread, and for those that have not read it yet
        all_set.wait()

    with ThreadPoolExecutor(threads, thread_name_prefix="pictures", initializer=compute_alone) as pool:
        for _ in range(threads):
            pool.submit(int)  # starts a thread, as long as none is idle
        all_set.wait()
        torch.set_num_threads(own)  # for threads that start from now on
        yield pool
