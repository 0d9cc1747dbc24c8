"""The mean of the members' probabilities."""

import numpy as np

from reports.ensembles.rules import Logits, Probabilities, probabilities_of


def combine(logits_MNC: Logits) -> Probabilities:
    """Probabilities [N, C]: the mean of p_m over the M members, summed one by one to save memory."""
    sum_NC = np.zeros(logits_MNC.shape[1:])
    for logits_NC in logits_MNC:
        sum_NC += probabilities_of(logits_NC)
    combined_NC: Probabilities = (sum_NC / len(logits_MNC)).astype(np.float32)
    return combined_NC
