"""The mean of the members' probabilities."""

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float32]


def combine(probabilities_MNC: Probabilities) -> Probabilities:
    """Probabilities [N, C]: the mean of p_m over the M members."""
    combined_NC: Probabilities = probabilities_MNC.mean(axis=0, dtype=np.float64).astype(np.float32)
    return combined_NC
