"""Greedy selection with replacement: the mean of the members that, added one by one, help accuracy most."""

import numpy as np
import numpy.typing as npt

from reports.ensembles.rules import Labels, Learnt, Logits, Probabilities, probabilities_of

ROUNDS = 25
TINY = float(np.finfo(np.float32).tiny)


def fit(logits_MNC: Logits, labels_N: Labels) -> Learnt:
    """``weights_M``: how often each member was chosen, of sum 1.

    Starting from an empty bag, the member is added 25 times with which the bag's mean probability has the
    highest accuracy (ties: the highest likelihood of the labels, then the first member). The bag is kept as
    it was at the first maximum. A member may be added again and then weighs more. (Caruana et al., Ensemble
    Selection from Libraries of Models, ICML 2004, sections 2.1 and 2.2; of their three measures against
    overfitting this has selection with replacement, not bagging.)
    """
    probabilities_MNC = probabilities_of(logits_MNC).astype(np.float32)
    of_label_MN = probabilities_MNC[:, np.arange(len(labels_N)), labels_N]
    sum_NC = np.zeros_like(probabilities_MNC[0])
    chosen: list[int] = []
    best, kept = (-1.0, -np.inf), 0
    for _ in range(ROUNDS):
        own_N = sum_NC[np.arange(len(labels_N)), labels_N]
        right_M = [_right(sum_NC + one_NC, labels_N) for one_NC in probabilities_MNC]
        likelihood_M = np.log(((own_N + of_label_MN) / (len(chosen) + 1)).clip(TINY)).mean(axis=1)
        scores = list(zip(right_M, likelihood_M.tolist(), strict=True))
        place = max(range(len(scores)), key=lambda member: (*scores[member], -member))
        chosen.append(place)
        sum_NC += probabilities_MNC[place]
        if scores[place] > best:
            best, kept = scores[place], len(chosen)
    counts_M = np.bincount(chosen[:kept], minlength=len(logits_MNC))
    return {"weights_M": counts_M / kept}


def combine(logits_MNC: Logits, weights_M: npt.NDArray[np.float64]) -> Probabilities:
    """Probabilities [N, C]: Σ_m w_m p_m."""
    combined_NC: Probabilities = np.tensordot(weights_M, probabilities_of(logits_MNC), axes=1).astype(
        np.float32
    )
    return combined_NC


def _right(scores_NC: Probabilities, labels_N: Labels) -> float:
    return float((scores_NC.argmax(axis=1) == labels_N).mean())
