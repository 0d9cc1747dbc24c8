"""The seed of what is drawn for one trial: its parameters, and the bracket that it is in."""

import numpy as np


def seed_of(seed: int, number: int) -> int:
    """Follows from the sweep's seed and the trial's number alone, so that a resumed sweep draws the same."""
    return int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
