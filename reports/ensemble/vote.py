"""Each member has one vote, for its most probable class; a tie goes to the highest mean probability."""

import numpy as np
import numpy.typing as npt

Probabilities = npt.NDArray[np.float32]


def combine(probabilities_MNC: Probabilities) -> Probabilities:
    """Probabilities [N, C]: (votes + mean_m p_m) / (M + 1).

    Votes differ by whole numbers and mean probabilities by less than one, so these decide between classes
    of equally many votes and nothing else. Rows sum to 1.
    """
    members, _, classes = probabilities_MNC.shape
    votes_NC = np.eye(classes)[probabilities_MNC.argmax(axis=2)].sum(axis=0)
    mean_NC = probabilities_MNC.mean(axis=0, dtype=np.float64)
    combined_NC: Probabilities = ((votes_NC + mean_NC) / (members + 1)).astype(np.float32)
    return combined_NC
