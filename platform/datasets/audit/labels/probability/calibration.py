"""Turns a combined score into the probability that the label is wrong, without knowing any true label.

N: images, P: planted errors.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SUREST: Final = 0.1
"""Share of the images that estimates the noise rate, at least."""
MOST_SUREST: Final = 0.5
MOST_WRONG: Final = 0.5
"""Share of wrong labels that is believed: beyond, predictions are bad, or the labels are nobody's."""
LEAST_SUREST: Final = 100
LEAST_SLOPE: Final = 0.1
MOST_MISSED: Final = 0.2
"""Where predictions miss more of the right labels, one number for the precision of a review is a guess."""
_ROUNDS: Final = 4
_STEPS: Final = 10


@dataclass(frozen=True)
class Calibration:
    """``rate``: estimated share of wrong labels; p(wrong | score) = σ(``slope`` · score + ``shift``)."""

    rate: float
    slope: float
    shift: float

    def p_wrong(self, score_N: Floats) -> Floats:
        return _sigmoid(self.slope * score_N + self.shift)


def share_of_surest(disagrees_N: npt.NDArray[np.bool_]) -> float:
    """The share of the images that estimates the noise rate: a tenth, up to a half where few are missed.

    More images make the estimate surer; where predictions miss many right labels, they make it too high.
    """
    missed = _missed(disagrees_N, min(noise_rate(disagrees_N), MOST_WRONG))
    return SUREST + (MOST_SUREST - SUREST) * max(0.0, 1 - missed / MOST_MISSED)


def _missed(disagrees_N: npt.NDArray[np.bool_], rate: float) -> float:
    """The share of the right labels on which the prediction is another class, if ``rate`` is wrong."""
    return float(np.clip(1 - (1 - disagrees_N.mean()) / (1 - rate), 0, 1))


def noise_rate(disagrees_N: npt.NDArray[np.bool_], share: float = SUREST) -> float:
    """The share of wrong labels, from the images whose class is surest.

    ``disagrees_N``: whether the out-of-fold prediction is another class than the label, the surest image
    first, whatever its label. The prediction of these is hardly ever wrong, so that nearly all that disagree
    are wrong labels: anchor points, as in Liu & Tao, Classification with Noisy Labels by Importance
    Reweighting, TPAMI 2016. Two errors are known, and partly cancel: where features say little even the
    surest predictions err, which adds; people err less on easy images, which subtracts.
    """
    surest = disagrees_N[: min(max(round(share * len(disagrees_N)), LEAST_SUREST), len(disagrees_N))]
    return float((surest.sum() + 0.5) / (len(surest) + 1))


@dataclass(frozen=True)
class Doubt:
    """How far predictions are to be believed, which depends on features and not on labels.

    ``rate``: the share of wrong labels, if what disagrees among the surest images is all wrong labels: the
    most that is plausible. ``missed``: the share of the right labels that predictions miss, 0 … 1. Where
    features say little, hard images and wrong labels of look-alikes cannot be told apart by any score.
    """

    rate: float
    missed: float

    @classmethod
    def of(cls, disagrees_N: npt.NDArray[np.bool_]) -> "Doubt":
        """``disagrees_N``: as :func:`noise_rate` takes it."""
        rate = min(noise_rate(disagrees_N, share_of_surest(disagrees_N)), MOST_WRONG)
        return cls(rate, _missed(disagrees_N, rate))

    @property
    def is_small(self) -> bool:
        """Whether one number for the precision of a review can be stated."""
        return self.missed <= MOST_MISSED

    @property
    def expected(self) -> float:
        """The share of the doubt that is taken for justified where one number is needed.

        Nothing says how much is. The surest predictions err less often than all do: with m missed, it is m/2.
        """
        return self.missed / 2

    def p_wrong(
        self,
        score_N: Floats,
        planted_P: Floats,
        share: float | None = None,
        *,
        fitted_to: Floats | None = None,
    ) -> Floats:
        """[N] the probability that each label is wrong, if a ``share`` (0 … 1) of the doubt is justified.

        The default is the expected share. Of the disagreement among the surest images, share · missed is then
        errors of the predictions; and of as many images the score says nothing: their labels are wrong with
        the probability of any label. A share below 0 takes wrong labels for more frequent than among the
        surest images. ``fitted_to``: scores of images drawn anew that take the place of ``score_N`` in the
        calibration.
        """
        justified = (self.expected if share is None else share) * self.missed
        rate, unsure = self.rate * (1 - justified), max(justified, 0.0)
        found = calibrate(score_N if fitted_to is None else fitted_to, planted_P, rate)
        return (1 - unsure) * found.p_wrong(score_N) + unsure * rate


def calibrate(score_N: Floats, planted_P: Floats, rate: float) -> Calibration:
    """p(wrong | score) as a logistic function of the score, with the mean ``rate`` over the images.

    The slope is that which tells planted errors from right labels. Which labels are right is not known, so in
    each of a few rounds an image counts as much as its label is probably right (positive and unlabelled data,
    Elkan & Noto, KDD 2008). The shift follows from the rate.
    """
    rate = float(np.clip(rate, 1e-6, 1 - 1e-6))
    slope, shift = 1.0, _shift_for(score_N, rate)
    for _ in range(_ROUNDS):
        right_N = 1 - _sigmoid(slope * score_N + shift)
        slope = max(_slope(planted_P, score_N, right_N), LEAST_SLOPE)
        shift = _shift_for(slope * score_N, rate)
    return Calibration(rate, slope, shift)


def _slope(planted_P: Floats, score_N: Floats, right_N: Floats) -> float:
    """Of the logistic regression of planted against right on the score; both weigh the same."""
    values = np.concatenate([planted_P, score_N])
    is_planted = np.arange(len(values)) < len(planted_P)
    weight = np.concatenate([np.full(len(planted_P), 1 / len(planted_P)), right_N / max(right_N.sum(), 1e-9)])
    design = np.stack([values, np.ones(len(values))], axis=1)
    beta = np.array([1.0, 0.0])
    for _ in range(_STEPS):
        p = _sigmoid(design @ beta)
        gradient = design.T @ (weight * (is_planted - p)) - 1e-3 * (beta - [1.0, 0.0])
        curvature = (design * (weight * p * (1 - p))[:, None]).T @ design + 1e-3 * np.eye(2)
        step = np.clip(np.linalg.solve(curvature, gradient), -1, 1)
        beta = beta + step
        if np.abs(step).max() < 1e-6:
            break
    return float(beta[0])


def _shift_for(score_N: Floats, rate: float) -> float:
    """The shift with which the mean probability is ``rate``."""
    low, high = -60.0, 60.0
    for _ in range(50):
        middle = (low + high) / 2
        if _sigmoid(score_N + middle).mean() < rate:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _sigmoid(log_odds: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(log_odds, -60, 60))))
