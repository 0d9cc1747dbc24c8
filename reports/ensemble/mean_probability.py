"""The mean of the members' probabilities."""

from reports.ensemble import Logits, Probabilities, probabilities_of


def combine(logits_MNC: Logits) -> Probabilities:
    """Probabilities [N, C]: the mean of p_m over the M members."""
    combined_NC: Probabilities = probabilities_of(logits_MNC).mean(axis=0).astype("float32")
    return combined_NC
