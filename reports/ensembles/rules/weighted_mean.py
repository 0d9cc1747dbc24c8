"""The weighted mean of the members' probabilities, with the weights of maximum likelihood."""

import numpy as np
import numpy.typing as npt

from reports.ensembles.rules import Labels, Learnt, Logits, Probabilities, probabilities_of

ROUNDS = 1000
CLOSE = 1e-9
TINY = float(np.finfo(np.float64).tiny)


def fit(logits_MNC: Logits, labels_N: Labels) -> Learnt:
    """``weights_M``, non-negative, of sum 1, that maximise Σ_n log Σ_m w_m p_mn, p_mn: of sample n's label.

    By expectation-maximisation from equal weights, w_m ← mean_n w_m p_mn / Σ_k w_k p_kn (Dempster, Laird and
    Rubin 1977), under which the likelihood never falls; it is concave in w, so its maximum is global.
    """
    samples = np.arange(len(labels_N))
    likelihood_MN = probabilities_of(logits_MNC)[:, samples, labels_N].clip(TINY)
    weights_M = np.full(len(logits_MNC), 1 / len(logits_MNC))
    for _ in range(ROUNDS):
        shares_MN = weights_M[:, None] * likelihood_MN
        updated_M = (shares_MN / shares_MN.sum(axis=0)).mean(axis=1)
        settled = np.abs(updated_M - weights_M).max() < CLOSE
        weights_M = updated_M
        if settled:
            break
    return {"weights_M": weights_M}


def combine(logits_MNC: Logits, weights_M: npt.NDArray[np.float64]) -> Probabilities:
    """Probabilities [N, C]: Σ_m w_m p_m."""
    combined_NC: Probabilities = np.tensordot(weights_M, probabilities_of(logits_MNC), axes=1).astype(
        np.float32
    )
    return combined_NC
