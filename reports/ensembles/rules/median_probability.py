"""The median of the members' probabilities, class by class, which no single outlier moves."""

import numpy as np

from reports.ensembles.rules import Logits, Probabilities, normalised, probabilities_of


def combine(logits_MNC: Logits) -> Probabilities:
    """Probabilities [N, C]: median_m p_mc, scaled to sum to 1."""
    return normalised(np.median(probabilities_of(logits_MNC), axis=0))
