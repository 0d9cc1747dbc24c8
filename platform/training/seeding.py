"""Every random number of a trial follows from its seed and from what it is for."""

from enum import IntEnum

import numpy as np
import torch


class Purpose(IntEnum):
    """What a stream of random numbers is for; two purposes never share one."""

    NETWORK = 1
    EPOCH = 2


def seed_torch(seed: int, purpose: Purpose, index: int) -> None:
    """Seed torch's generators from (trial's seed, purpose, index), whatever was drawn before.

    ``index`` is the network's (initial weights) or the epoch's (dropout, stochastic depth).
    """
    sequence = np.random.SeedSequence((seed, int(purpose), index))
    torch.manual_seed(int(sequence.generate_state(1, np.uint64)[0]))
