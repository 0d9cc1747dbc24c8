"""The seed of what is drawn for one trial: its parameters, and the bracket that it is in."""

from zlib import crc32

import numpy as np


def seed_of(seed: int, number: int, parameter: str = "") -> int:
    """Follows from the sweep's seed, the trial's number and the parameter's name (empty: of the whole trial)
    alone, so that a resumed sweep draws the same."""
    entropy = (seed, number, crc32(parameter.encode())) if parameter else (seed, number)
    return int(np.random.SeedSequence(entropy).generate_state(1)[0])
