"""The mean of the members' logits: the normalised geometric mean of their probabilities."""

from reports.ensembles.rules import Logits, Probabilities, probabilities_of


def combine(logits_MNC: Logits) -> Probabilities:
    """Probabilities [N, C]: softmax_c(mean_m z_mc) of logits z."""
    combined_NC: Probabilities = probabilities_of(logits_MNC.mean(axis=0, dtype="float64")).astype("float32")
    return combined_NC
