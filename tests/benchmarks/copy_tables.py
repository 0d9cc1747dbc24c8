"""What finding candidates takes: hashes and descriptors of as many made-up images as asked."""

import time

import numpy as np

from platform.datasets.audit.copies.candidates import by_look
from platform.datasets.audit.copies.comparing.descriptors import cosines
from platform.datasets.audit.copies.comparing.hamming import pairs_within
from platform.datasets.audit.copies.comparing.small_pictures import COLOUR_SIDE, SIDE, SmallPictures

from .figures import process_peak_megabytes

CLOSENESS = 0.85  # about what the calibration of real sets gives


def hash_tables(rows: int) -> tuple[float, float, int]:
    """Seconds, peak megabytes and pairs of random hashes, a hundredth of them copied with up to six bits."""
    random = np.random.default_rng(0)
    table = random.integers(0, 2**64, rows, dtype=np.uint64)
    for place in range(rows // 100):
        bits = random.choice(64, int(random.integers(0, 7)), replace=False)
        table[-1 - place] = table[place] ^ np.uint64(sum(1 << int(bit) for bit in bits))
    mirrored = random.integers(0, 2**64, rows, dtype=np.uint64)
    started = time.perf_counter()
    pairs = len(pairs_within(table, None, 6)) + len(pairs_within(table, mirrored, 6))
    if pairs < rows // 100:
        raise SystemExit(f"of {rows // 100} planted pairs of hashes {pairs} were found")
    return time.perf_counter() - started, process_peak_megabytes(), pairs


def look_alikes(rows: int) -> tuple[float, float, float]:
    """Seconds, peak megabytes and recall of neighbours of random pictures: whole, mirrored, nine crops."""
    random = np.random.default_rng(0)
    waves = cosines(8, SIDE) * SIDE**0.5 / np.arange(1, 9)[:, None] ** 0.5
    luma = np.empty((rows, SIDE, SIDE), dtype=np.uint8)
    for first in range(0, rows, 4096):
        drawn = random.standard_normal((len(luma[first : first + 4096]), 8, 8), dtype=np.float32)
        luma[first : first + 4096] = np.clip(128 + 30 * (waves.T @ drawn @ waves), 0, 255)
    pictures = SmallPictures(
        luma,
        random.integers(100, 156, (rows, 2, COLOUR_SIDE, COLOUR_SIDE), dtype=np.uint8),
        np.arange(rows),
        np.tile(np.array([0, 0, 1, 1], dtype=np.float32), (rows, 1)),
        np.zeros(rows, dtype=np.bool_),
    )
    started = time.perf_counter()
    found = by_look(pictures, np.arange(rows), CLOSENESS)
    return time.perf_counter() - started, process_peak_megabytes(), found.recall
