"""Each member votes for its most probable class; the mean probability breaks ties."""

import numpy as np

from reports.ensembles.rules import Logits, Probabilities, probabilities_of


def combine(logits_MNC: Logits) -> Probabilities:
    """Probabilities [N, C]: (votes + mean_m p_m) / (M + 1).

    Votes differ by whole numbers and mean probabilities by less than one, so the latter only break ties. Rows
    sum to 1.
    """
    members, _, classes = logits_MNC.shape
    votes_NC = np.eye(classes)[logits_MNC.argmax(axis=2)].sum(axis=0)
    mean_NC = probabilities_of(logits_MNC).mean(axis=0)
    combined_NC: Probabilities = ((votes_NC + mean_NC) / (members + 1)).astype(np.float32)
    return combined_NC
