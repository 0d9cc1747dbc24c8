"""Combines scores of labels into one, with weights learnt from planted errors.

N: images, P: planted ones, S: scores.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from platform.datasets.audit.labels.probability.calibration import calibrate

Floats = npt.NDArray[np.float64]

RIDGE: Final = 1.0
_STEPS: Final = 30
_ROUNDS: Final = 4


@dataclass(frozen=True)
class Combination:
    """``names``: of the scores; ``weights_S``: of their normal scores; ``bias``.

    ``sorted_by_name``: each score's values on the data, which turn a value into the normal quantile of its
    rank: scores of different scales and methods can be compared by rank only.
    """

    names: tuple[str, ...]
    weights_S: Floats
    bias: float
    sorted_by_name: Mapping[str, Floats]

    def of(self, scores: Mapping[str, Floats]) -> Floats:
        """[N] log odds of a planted error against a right label; NaN counts as the median."""
        return _design(self.names, scores, self.sorted_by_name) @ self.weights_S + self.bias


def learn(planted: Mapping[str, Floats], given: Mapping[str, Floats], rate: float) -> Combination:
    """Logistic regression of planted errors [P] against the given labels [N], both with the same weight.

    A share ``rate`` of the given labels is wrong, too: in each of a few rounds they weigh as much as they are
    probably right (positive and unlabelled data). Weights are shrunk by a ridge and never negative: each
    score is made so that higher is more suspect, and a negative weight would only fit how errors were
    planted.
    """
    names = tuple(sorted(given))
    ordered = {name: np.sort(values[~np.isnan(values)]) for name, values in given.items()}
    planted_PS, given_NS = (_design(names, one, ordered) for one in (planted, given))
    right_N = np.ones(len(given_NS))
    weights_S, bias = np.zeros(len(names)), 0.0
    for _ in range(_ROUNDS):
        weights_S, bias = _not_negative(planted_PS, given_NS, right_N)
        planted_P, score_N = planted_PS @ weights_S + bias, given_NS @ weights_S + bias
        right_N = 1 - calibrate(score_N, planted_P, rate).p_wrong(score_N)
    return Combination(names, weights_S, bias, ordered)


def _not_negative(planted_PS: Floats, given_NS: Floats, right_N: Floats) -> tuple[Floats, float]:
    """Leave out scores whose weights are below 0, until none is."""
    keep = np.arange(planted_PS.shape[1])
    while True:
        kept, bias = _logistic(planted_PS[:, keep], given_NS[:, keep], right_N)
        if (kept >= 0).all() or len(keep) == 1:
            break
        keep = keep[kept >= 0] if (kept >= 0).any() else keep[:1]
    weights_S = np.zeros(planted_PS.shape[1])
    weights_S[keep] = np.maximum(kept, 0)
    return weights_S, bias


def normal_scores(values_N: Floats, sorted_R: Floats) -> Floats:
    """[N] the normal quantile of each value's mid-rank among ``sorted_R``; 0 for NaN."""
    if not len(sorted_R):
        return np.zeros(len(values_N))
    below = np.searchsorted(sorted_R, values_N, side="left")
    upto = np.searchsorted(sorted_R, values_N, side="right")
    share_N = ((below + upto) / 2 + 0.5) / (len(sorted_R) + 1)
    return np.where(np.isnan(values_N), 0.0, ndtri(np.clip(share_N, 1e-6, 1 - 1e-6)))


def _design(names: tuple[str, ...], scores: Mapping[str, Floats], ordered: Mapping[str, Floats]) -> Floats:
    return np.stack([normal_scores(scores[name], ordered[name]) for name in names], axis=1)


def _logistic(planted_PS: Floats, given_NS: Floats, right_N: Floats) -> tuple[Floats, float]:
    """Newton's method; all planted errors weigh as much as all given labels."""
    design = np.concatenate([planted_PS, given_NS])
    full = np.concatenate([design, np.ones((len(design), 1))], axis=1)
    is_planted = np.arange(len(design)) < len(planted_PS)
    scale = len(planted_PS) / max(right_N.sum(), 1e-9)
    weight = np.concatenate([np.ones(len(planted_PS)), right_N * scale])
    beta = np.zeros(full.shape[1])
    ridge = np.diag([RIDGE] * design.shape[1] + [1e-6])
    for _ in range(_STEPS):
        p = 1 / (1 + np.exp(-np.clip(full @ beta, -30, 30)))
        gradient = full.T @ (weight * (is_planted - p)) - ridge @ beta
        step = np.linalg.solve((full * (weight * p * (1 - p))[:, None]).T @ full + ridge, gradient)
        beta += step
        if np.abs(step).max() < 1e-8:
            break
    return beta[:-1], float(beta[-1])
