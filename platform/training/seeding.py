"""Every random number of a trial follows from its seed and from what it is for."""

from enum import IntEnum

import numpy as np
import torch


class Purpose(IntEnum):
    """What a stream of random numbers is for; two purposes never share one."""

    NETWORK = 1
    EPOCH = 2
    COMPANION = 3


def seed_torch(seed: int, purpose: Purpose, index: int, worker: int = 0) -> None:
    """Seed torch's generators from (trial's seed, purpose, index, worker), whatever was drawn before.

    ``index`` is the network's (initial weights, companion) or the epoch's (dropout, stochastic depth); each
    ``worker`` drops out others.
    """
    key = (seed, int(purpose), index, worker) if worker else (seed, int(purpose), index)
    sequence = np.random.SeedSequence(key)
    torch.manual_seed(int(sequence.generate_state(1, np.uint64)[0]))
