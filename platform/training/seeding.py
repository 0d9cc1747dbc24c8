"""Seed torch's random numbers from a trial's seed and their purpose."""

from enum import IntEnum

import numpy as np
import torch


class Purpose(IntEnum):
    """What random numbers are used for; each purpose has its own stream."""

    NETWORK = 1
    EPOCH = 2
    COMPANION = 3
    TABLES = 4


def seed_torch(seed: int, purpose: Purpose, index: int, worker: int = 0) -> None:
    """Seed torch's generators from (trial's seed, purpose, index, worker), whatever was drawn before.

    ``index``: number of the network (initial weights, companion), of the method's table, or of the epoch
    (dropout, stochastic depth).
    ``worker``: its number, so that each worker has its own dropout.
    """
    key = (seed, int(purpose), index, worker) if worker else (seed, int(purpose), index)
    sequence = np.random.SeedSequence(key)
    torch.manual_seed(int(sequence.generate_state(1, np.uint64)[0]))
