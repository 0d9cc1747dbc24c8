"""The seed for everything drawn for one trial: its parameters and its bracket in ASHA."""

from zlib import crc32

import numpy as np


def seed_of(seed: int, number: int, parameter: str = "") -> int:
    """A seed that depends only on the sweep's seed, the trial's number and the parameter's name.

    A resumed sweep therefore draws the same values. Without a parameter it is the seed of the whole trial.
    """
    entropy = (seed, number, crc32(parameter.encode())) if parameter else (seed, number)
    return int(np.random.SeedSequence(entropy).generate_state(1)[0])
