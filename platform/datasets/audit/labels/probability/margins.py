"""Joins the margins of a training to probabilities that were made without them.

N: images, B: bins of the margins' ranks.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import isotonic_regression

Floats = npt.NDArray[np.float64]

BINS: Final = 25
ROUNDS: Final = 30
_LEAST: Final = 1e-3


def with_margins(p_wrong_N: Floats, suspicion_N: Floats, trust: float = 0.5) -> Floats:
    """The odds of wrong, times (f(margin | wrong) / f(margin | right)) ** trust.

    The margin that a planted label would have had is unknown, as its network learnt the given one. So the two
    densities are fitted to the data themselves: by expectation and maximisation of a mixture in which each
    image has its own prior, ``p_wrong_N``; their ratio must rise with the suspicion. ``trust`` below 1 allows
    for hard images, which have a low margin and other suspect scores though their label is right. Images
    without a margin (NaN) keep their probability. The mean stays as it was.
    """
    known = ~np.isnan(suspicion_N)
    if not known.any():
        return p_wrong_N
    order = np.argsort(np.argsort(suspicion_N[known], kind="stable"), kind="stable")
    bins_M = np.minimum(order * BINS // max(len(order), 1), BINS - 1)
    prior_M = np.clip(p_wrong_N[known], _LEAST, 1 - _LEAST)
    ratio_B = np.ones(BINS)
    posterior_M = prior_M
    for _ in range(ROUNDS):
        wrong_B = np.bincount(bins_M, posterior_M, BINS) + _LEAST
        right_B = np.bincount(bins_M, 1 - posterior_M, BINS) + _LEAST
        raw_B = np.log(wrong_B / wrong_B.sum()) - np.log(right_B / right_B.sum())
        ratio_B = isotonic_regression(raw_B, weights=wrong_B + right_B).x
        posterior_M = _updated(prior_M, trust * ratio_B[bins_M])
    joined = p_wrong_N.copy()
    joined[known] = _same_mean(np.log(prior_M / (1 - prior_M)) + trust * ratio_B[bins_M], prior_M.mean())
    return joined


def _updated(prior_M: Floats, log_ratio_M: Floats) -> Floats:
    log_odds_M = np.log(prior_M / (1 - prior_M)) + log_ratio_M
    return 1 / (1 + np.exp(-log_odds_M))


def _same_mean(log_odds_M: Floats, mean: float) -> Floats:
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        if (1 / (1 + np.exp(-(log_odds_M + middle)))).mean() < mean:
            low = middle
        else:
            high = middle
    return 1 / (1 + np.exp(-(log_odds_M + high)))
