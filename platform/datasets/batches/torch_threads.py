"""Threads that compute with torch side by side."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier

import torch


@contextmanager
def torch_workers(threads: int) -> Iterator[ThreadPoolExecutor]:
    """A pool in each of whose threads torch computes alone; the caller's own setting stays what it is.

    Otherwise each thread would start as many of its own for a picture that is large enough, and sums over a
    picture would depend on how many those are.
    """
    own = torch.get_num_threads()
    all_set = Barrier(threads + 1)

    def compute_alone() -> None:
        torch.get_num_threads()  # a thread takes over the general setting once, when it first looks
        torch.set_num_threads(1)  # of this thread, and of those that have not looked yet
        all_set.wait()

    with ThreadPoolExecutor(threads, thread_name_prefix="pictures", initializer=compute_alone) as pool:
        for _ in range(threads):
            pool.submit(int)  # a thread starts with the first task that finds no idle one
        all_set.wait()
        torch.set_num_threads(own)  # for threads that start from now on
        yield pool
