"""Decode all images of a source once, in parallel. K: readable images among the requested ones."""

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from platform.datasets.arrays import Ints, Pixels
from platform.datasets.errors import counted
from platform.datasets.geometry import KeptSize
from platform.datasets.images.available_cores import usable_cores
from platform.datasets.images.available_memory import available_memory
from platform.datasets.images.image_stores import Images, LazyImages, flat_layout, is_dense, stored_images
from platform.datasets.sources.image_decoding import PEAK, UnreadableImage, decode_image, quieten_pillow
from platform.datasets.sources.source import Source

logger = logging.getLogger(__name__)

Progress = Callable[[int, int], None]
"""Called with (images done, images in total) from time to time."""

CHUNK = 64  # images that one thread or task decodes at a time
SAMPLE = 48  # images decoded to estimate what all will take
DIGEST_BYTES = 16
MEMORY_SHARE = 0.5  # of free memory; the rest is for networks and other processes

LEVELS = np.arange(256)
MOMENTS = np.stack([LEVELS, LEVELS**2], axis=1)  # [256, 2]


@dataclass(frozen=True)
class BadImage:
    """An image that cannot be read, and why."""

    path: str
    reason: str


@dataclass(frozen=True)
class DecodeJob:
    """What to decode: ``paths`` of ``source``, to the size that ``kept`` says."""

    source: Source
    paths: tuple[str, ...]
    kept: KeptSize
    progress: Progress | None = None

    def chunks(self) -> list[tuple[str, ...]]:
        return [self.paths[start : start + CHUNK] for start in range(0, len(self.paths), CHUNK)]


@dataclass(frozen=True)
class Facts:
    """What decoding finds besides the pixels. ``bad``: position among the requested images -> reason."""

    shapes_K2: Ints
    moments_K32: Ints
    """Sum of the values and of their squares, a channel."""
    digests: npt.NDArray[np.uint8]
    """[K, 16]: BLAKE2b of each file."""
    peaks_K: Ints
    """The greatest value of each image with 16 bits a channel; 0 for others."""
    bad: dict[int, str] = field(default_factory=dict)

    @staticmethod
    def joined(parts: Sequence["Facts"], size: int = CHUNK) -> "Facts":
        """Join the facts of consecutive chunks of ``size`` images each."""
        return Facts(
            np.concatenate([part.shapes_K2 for part in parts]),
            np.concatenate([part.moments_K32 for part in parts]),
            np.concatenate([part.digests for part in parts]),
            np.concatenate([part.peaks_K for part in parts]),
            {
                place + number * size: why
                for number, part in enumerate(parts)
                for place, why in part.bad.items()
            },
        )


@dataclass(frozen=True)
class Decoded:
    """``images``: the K readable ones; ``good`` [K]: their positions among the requested paths."""

    images: Images
    good: Ints
    bad: tuple[BadImage, ...]
    facts: Facts


@dataclass(frozen=True)
class Estimate:
    """What decoding all images of a job takes: ``size`` in bytes, ``seconds`` of one core."""

    size: float
    seconds: float


Decode = Callable[[DecodeJob], Decoded]


def decode_chunk(
    source: Source, paths: Sequence[str], kept: KeptSize, keep_pixels: bool = True
) -> tuple[Pixels, Facts]:
    """The pixels of ``paths`` as one flat array (empty unless ``keep_pixels``), and the facts."""
    quieten_pillow()
    pixels, shapes, moments, digests, peaks = [], [], [], [], []
    bad: dict[int, str] = {}
    for place, path in enumerate(paths):
        try:
            content = source.read(path, kept.max_bytes)
            image = decode_image(content, kept)
        except (OSError, UnreadableImage) as error:
            bad[place] = " ".join(str(error).split())
            continue
        if keep_pixels:
            pixels.append(np.asarray(image).reshape(-1))
        shapes.append((image.height, image.width))
        peaks.append(image.info.get(PEAK, 0))
        moments.append(np.array(image.histogram(), dtype=np.int64).reshape(3, 256) @ MOMENTS)
        digests.append(np.frombuffer(blake2b(content, digest_size=DIGEST_BYTES).digest(), dtype=np.uint8))
    facts = Facts(
        np.array(shapes, dtype=np.int64).reshape(-1, 2),
        np.array(moments, dtype=np.int64).reshape(-1, 3, 2),
        np.array(digests, dtype=np.uint8).reshape(-1, DIGEST_BYTES),
        np.array(peaks, dtype=np.int64),
        bad,
    )
    return np.concatenate(pixels) if pixels else np.empty(0, dtype=np.uint8), facts


def decode_here(job: DecodeJob) -> Decoded:
    """Decode in threads of this process. Images that would take over half the free memory stay files."""
    room = int(available_memory() * MEMORY_SHARE)
    return decode_in_threads(job, keep_pixels=fits(job, estimated(job), room, "half the free memory"))


def decode_in_threads(job: DecodeJob, *, keep_pixels: bool) -> Decoded:
    parts: list[Facts] = []
    pixels: list[Pixels] = []

    def decode(paths: tuple[str, ...]) -> tuple[Pixels, Facts]:
        return decode_chunk(job.source, paths, job.kept, keep_pixels)

    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="decode") as pool:
        for chunk, facts in pool.map(decode, job.chunks()):
            pixels.append(chunk)
            parts.append(facts)
            report_progress(job, len(parts))
    facts = Facts.joined(parts)
    if not keep_pixels or not len(facts.shapes_K2):
        return lazily(job, facts)
    return decoded(job, facts, stored_images(assemble(pixels, facts.shapes_K2), facts.shapes_K2))


def estimated(job: DecodeJob) -> Estimate:
    """Estimate from a sample of the images; 0 bytes if none of the sample can be read."""
    step = max(len(job.paths) // SAMPLE, 1)
    sample = job.paths[::step][:SAMPLE]
    started = time.perf_counter()
    pixels, facts = decode_chunk(job.source, sample, job.kept)
    seconds = time.perf_counter() - started
    all_images = len(job.paths)
    return Estimate(
        pixels.nbytes / max(len(facts.shapes_K2), 1) * all_images, seconds / max(len(sample), 1) * all_images
    )


def fits(job: DecodeJob, estimate: Estimate, room: int, what: str) -> bool:
    """Whether all images take at most ``room`` bytes; a warning is logged if not."""
    if estimate.size <= room:
        return True
    logger.warning(
        "%s decoded would take about %.1f GB, more than %s (%.1f GB): they are decoded again in each epoch",
        counted(len(job.paths), "image"),
        estimate.size / 1e9,
        what,
        room / 1e9,
    )
    return False


def assemble(chunks: list[Pixels], shapes_K2: Ints) -> Pixels:
    """Chunks of pixels as one array: [K, H, W, 3] if all images have one size, else flat.

    Empties ``chunks`` on the way, so that at most one chunk is held twice.
    """
    flat = np.empty(flat_layout(shapes_K2)[-1], dtype=np.uint8)
    end = len(flat)
    while chunks:
        chunk = chunks.pop()
        flat[end - len(chunk) : end] = chunk
        end -= len(chunk)
    return flat.reshape(len(shapes_K2), *shapes_K2[0], 3) if is_dense(shapes_K2) else flat


def decoded(job: DecodeJob, facts: Facts, images: Images) -> Decoded:
    bad = tuple(BadImage(job.paths[place], reason) for place, reason in facts.bad.items())
    return Decoded(images, _good(job, facts), bad, facts)


def lazily(job: DecodeJob, facts: Facts) -> Decoded:
    """The result if pixels are not kept: images that are decoded on access."""
    paths = [job.paths[place] for place in _good(job, facts)]
    return decoded(job, facts, LazyImages(job.source, paths, job.kept, facts.shapes_K2))


def _good(job: DecodeJob, facts: Facts) -> Ints:
    return np.setdiff1d(
        np.arange(len(job.paths)), np.fromiter(facts.bad, dtype=np.int64, count=len(facts.bad))
    )


def report_progress(job: DecodeJob, chunks: int) -> None:
    if job.progress is not None:
        job.progress(min(chunks * CHUNK, len(job.paths)), len(job.paths))
