"""Stacking by logistic regression: each class's score is a learnt weighted sum of its members' logits."""

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from reports.ensembles.rules import Labels, Learnt, Logits, Probabilities

FLOOR = -20.0
"""Lower bound of log-probabilities: a member that is sure and wrong must not dominate the fit."""
PENALTY = 1.0


def fit(logits_MNC: Logits, labels_N: Labels) -> Learnt:
    """``weights_MC`` and ``bias_C`` of the multinomial logistic regression.

    Minimises -Σ_n log softmax_c(Σ_m w_mc z_nmc + b_c)_y + (λ / 2) (Σ (w_mc - 1 / M)² + Σ b_c²), z the
    members' log-probabilities, λ = 1, by L-BFGS; it is convex. A class's score uses that class's logits
    alone: the full regression has C times as many weights, more than validation splits have samples. The
    penalty draws the weights towards the mean of the logits. (Wolpert, Stacked generalization, Neural
    Networks 1992.)
    """
    members, samples, classes = logits_MNC.shape
    features_MNC = _features(logits_MNC)
    target_NC = np.zeros((samples, classes))
    target_NC[np.arange(samples), labels_N] = 1

    def loss(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        weights_MC, bias_C = _unpacked(flat, members)
        logarithms_NC = log_softmax(np.einsum("mnc,mc->nc", features_MNC, weights_MC) + bias_C, axis=1)
        wrong_NC = np.exp(logarithms_NC) - target_NC
        away_MC = weights_MC - 1 / members
        value = -logarithms_NC[target_NC > 0].sum() + PENALTY / 2 * ((away_MC**2).sum() + (bias_C**2).sum())
        slope_MC = np.einsum("mnc,nc->mc", features_MNC, wrong_NC) + PENALTY * away_MC
        return float(value), np.concatenate([slope_MC, [wrong_NC.sum(axis=0) + PENALTY * bias_C]]).ravel()

    start = np.concatenate([np.full((members, classes), 1 / members), np.zeros((1, classes))]).ravel()
    weights_MC, bias_C = _unpacked(minimize(loss, start, jac=True, method="L-BFGS-B").x, members)
    return {"weights_MC": weights_MC, "bias_C": bias_C}


def combine(
    logits_MNC: Logits, weights_MC: npt.NDArray[np.float64], bias_C: npt.NDArray[np.float64]
) -> Probabilities:
    """Probabilities [N, C]: softmax_c(Σ_m w_mc z_nmc + b_c)."""
    scores_NC = np.einsum("mnc,mc->nc", _features(logits_MNC), weights_MC) + bias_C
    combined_NC: Probabilities = softmax(scores_NC, axis=1).astype(np.float32)
    return combined_NC


def _features(logits_MNC: Logits) -> npt.NDArray[np.float64]:
    features_MNC: npt.NDArray[np.float64] = log_softmax(logits_MNC.astype(np.float64), axis=-1).clip(FLOOR)
    return features_MNC


def _unpacked(
    flat: npt.NDArray[np.float64], members: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    rows = flat.reshape(members + 1, -1)
    return rows[:-1], rows[-1]
