"""The median of the members' log-probabilities, class by class."""

import numpy as np
from scipy.special import log_softmax

from reports.ensembles.rules import Logits, Probabilities, probabilities_of


def combine(logits_MNC: Logits) -> Probabilities:
    """Probabilities [N, C]: softmax_c(median_m log p_mc).

    Log-probabilities are used because logits have an arbitrary constant for each sample.
    """
    logarithms_MNC = log_softmax(logits_MNC.astype(np.float64), axis=-1)
    combined_NC: Probabilities = probabilities_of(np.median(logarithms_MNC, axis=0)).astype(np.float32)
    return combined_NC
