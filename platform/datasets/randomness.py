"""Counter-based random numbers: a function of (seed, epoch, row, draw), whatever the batch or process."""

from enum import IntEnum

import numpy as np
import numpy.typing as npt

from platform.datasets.arrays import Ints

Uniforms = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]

MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
KEY_STEPS = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
ROUNDS = 10
LOW = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
WORDS = 4  # 32-bit numbers that one counter gives


class Stream(IntEnum):
    """What random numbers are for. Each use has its own stream: a setting never changes another's draws."""

    WINDOW = 0
    DOWN_UP = 1
    POLICY = 2
    COLOR_JITTER = 3
    GRAYSCALE = 4
    MOTION_BLUR = 5
    JPEG = 6
    RANDOM_ERASING = 7
    CUTOUT = 8
    MIXING = 9


def augmentation_seed(seed: int, augmentation: int) -> int:
    """The seed of an image's ``augmentation``, counted from 0; the first one's is ``seed`` itself."""
    if augmentation == 0:
        return seed
    return int(np.random.SeedSequence((seed, augmentation)).generate_state(1, np.uint64)[0])


def uniforms(seed: int, epoch: int, rows_B: Ints, draws: int, stream: Stream = Stream.WINDOW) -> Uniforms:
    """[B, draws] independent numbers in [0, 1) of 32 bits.

    Philox4x32-10 with the seed as key and (row, epoch, draw // 4, stream) as counter.
    ``seed`` < 2 ** 64, rows and epoch < 2 ** 32.
    """
    blocks = -(-draws // WORDS)
    counter = np.zeros((WORDS, len(rows_B), blocks), dtype=np.uint64)
    counter[0] = np.asarray(rows_B, dtype=np.uint64)[:, None]
    counter[1] = np.uint64(epoch)
    counter[2] = np.arange(blocks, dtype=np.uint64)
    counter[3] = np.uint64(stream)
    words = philox(counter, (seed & 0xFFFFFFFF, seed >> 32))
    return np.moveaxis(words, 0, -1).reshape(len(rows_B), -1)[:, :draws] / 2.0**32


def philox(counter: Words, key: tuple[int, int]) -> Words:
    """Philox4x32-10 of counters [4, …], each word < 2 ** 32 (Salmon et al., SC 2011, section 3.3)."""
    c0, c1, c2, c3 = counter
    k0, k1 = np.uint64(key[0]), np.uint64(key[1])
    for _ in range(ROUNDS):
        left, right = MULTIPLIERS[0] * c0, MULTIPLIERS[1] * c2  # below 2 ** 64, so exact
        c0, c1, c2, c3 = (right >> HALF) ^ c1 ^ k0, right & LOW, (left >> HALF) ^ c3 ^ k1, left & LOW
        k0, k1 = (k0 + KEY_STEPS[0]) & LOW, (k1 + KEY_STEPS[1]) & LOW
    return np.stack([c0, c1, c2, c3])
