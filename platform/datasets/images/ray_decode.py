"""Decode as Ray tasks into one array in Ray's object store, which all trials of a node read in place.

Tasks all over the cluster decode chunks. One actor collects them outside the store and puts them there once,
so the store never holds them twice. Trials receive a reference.
"""

import logging
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import ray

from platform.datasets.arrays import Ints, Pixels
from platform.datasets.images.decode import (
    Decoded,
    DecodeJob,
    Facts,
    assemble,
    decode_chunk,
    decode_in_threads,
    decoded,
    estimated,
    fits,
    lazily,
    report_progress,
)
from platform.datasets.images.image_stores import StoredImages, stored_images

logger = logging.getLogger(__name__)

STORE_SHARE = 0.8  # of the object store; Ray needs the rest for the data it passes around
AHEAD = 2  # tasks submitted for each core
HERE_S = 2.0  # seconds of one core; starting two Ray processes takes as long


@dataclass
class StoredPixels:
    """An array in the object store. Pickles as a reference; readers map it without copying."""

    reference: "ray.ObjectRef[Pixels]"
    _pixels: Pixels | None = field(default=None, repr=False, compare=False)

    def resolve(self) -> Pixels:
        if self._pixels is None:
            self._pixels = ray.get(self.reference)
        return self._pixels

    def __reduce__(self) -> tuple[type["StoredPixels"], tuple[Any]]:
        return StoredPixels, (self.reference,)


class Collector:
    """An actor that holds decoded chunks until all have arrived."""

    def __init__(self) -> None:
        self.chunks: dict[int, Pixels] = {}

    def add(self, number: int, chunk: Pixels) -> None:
        self.chunks[number] = np.array(chunk)  # a copy, so that the store can free the chunk

    def finish(self, shapes_K2: Ints) -> tuple[Pixels, bool]:
        """The assembled array, and True: the caller waits for the latter without fetching the array."""
        chunks = [self.chunks.pop(number) for number in sorted(self.chunks)]
        return assemble(chunks, shapes_K2), True


def decode_with_ray(job: DecodeJob) -> Decoded:
    """Decode as Ray tasks. Images that do not fit into the object store stay files; a warning says so.

    Small jobs are decoded in this process, because starting Ray's processes would take longer. Ray must be
    running, and its workers must be able to read the source under the same path.
    """
    if not ray.is_initialized():
        raise RuntimeError("Ray is not running: call ray.init first")
    room = int(store_capacity() * STORE_SHARE)
    estimate = estimated(job)
    keep_pixels = fits(job, estimate, room, f"{STORE_SHARE:.0%} of Ray's object store")
    if keep_pixels and estimate.seconds < HERE_S:
        return _in_the_store(job, decode_in_threads(job, keep_pixels=True))
    actor: Any = ray.remote(num_cpus=0)(Collector)
    collector = actor.remote() if keep_pixels else None
    try:
        facts = Facts.joined(_decode_chunks(job, collector))
        if collector is None or not len(facts.shapes_K2):
            return lazily(job, facts)
        reference, done = collector.finish.options(num_returns=2).remote(facts.shapes_K2)
        ray.get(done)
    finally:
        if collector is not None:
            ray.kill(collector)  # the array stays, owned by this process
    return decoded(job, facts, stored_images(StoredPixels(reference), facts.shapes_K2))


def _in_the_store(job: DecodeJob, here: Decoded) -> Decoded:
    if not isinstance(here.images, StoredImages):
        return here  # none could be read
    reference = ray.put(here.images.pixels)
    return decoded(job, here.facts, stored_images(StoredPixels(reference), here.facts.shapes_K2))


def store_capacity() -> int:
    """Bytes of the cluster's smallest object store: each node that runs trials holds the array."""
    capacities = [node["Resources"].get("object_store_memory", 0) for node in ray.nodes() if node["Alive"]]
    return int(min(capacities))


def _decode_chunks(job: DecodeJob, collector: Any) -> list[Facts]:
    """The chunks' facts in order; their pixels go to the collector as they arrive."""
    task: Any = ray.remote(num_cpus=1, num_returns=2)(decode_chunk)
    source = ray.put(job.source)
    chunks = list(enumerate(job.chunks()))[::-1]
    at_once = AHEAD * max(int(ray.cluster_resources().get("CPU", 1)), 1)
    running: dict[Any, tuple[int, Any]] = {}
    facts: dict[int, Facts] = {}
    try:
        while chunks or running:
            while chunks and len(running) < at_once:
                number, paths = chunks.pop()
                pixels, its_facts = task.remote(source, paths, job.kept, collector is not None)
                running[its_facts] = number, pixels
            (its_facts,), _ = ray.wait(list(running), num_returns=1)
            number, pixels = running.pop(its_facts)
            facts[number] = ray.get(its_facts)
            if collector is not None:
                collector.add.remote(number, pixels)
            report_progress(job, len(facts))
    finally:
        for its_facts in running:
            ray.cancel(its_facts)
    return [facts[number] for number in sorted(facts)]
