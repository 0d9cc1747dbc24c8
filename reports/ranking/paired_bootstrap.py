"""Paired bootstrap: the confidence interval of the difference of two predictions on the same samples."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt
from scipy import stats

from platform.training.evaluation.classification import Labels, Probabilities

Values = npt.NDArray[np.float64]

CONFIDENCE = 0.95
_ALL_RESAMPLES = 7  # up to this many pairs, all n^n resamples are used: 823,543
_RESAMPLES = 100_000
_DRAWN_AT_MOST = 200_000_000  # indices drawn in total: 20,000 resamples of 10,000 pairs
_DRAWN_AT_ONCE = 10_000_000
_PAIRS_A_VALUE = 30  # above this mean, distinct values are counted instead; accuracies have three values


@dataclass(frozen=True)
class Gain:
    """The difference of a mean over samples, above 0 for better, and its 95% interval."""

    difference: float
    low: float
    high: float

    @property
    def is_tie(self) -> bool:
        return self.low <= 0 <= self.high


def gain_metrics(found: Gain | None) -> dict[str, float]:
    """The gain as three metrics, as it is recorded; empty without a gain."""
    if found is None:
        return {}
    return {"gain": found.difference, "gain_low": found.low, "gain_high": found.high}


def gain(
    metric: str, probabilities_NC: Probabilities, than_NC: Probabilities, labels_N: Labels
) -> Gain | None:
    """How much better the first prediction is than the second by ``metric``, compared sample by sample.

    None if the metric is no mean over all samples, as ``val/ece``.
    """
    of_samples = SAMPLE_METRICS.get(metric.rpartition("/")[2])
    if of_samples is None or len(labels_N) < 2:
        return None
    differences_N = of_samples(probabilities_NC, labels_N) - of_samples(than_NC, labels_N)
    return Gain(float(differences_N.mean()), *bootstrap_interval(differences_N))


def bootstrap_interval(differences: Sequence[float] | Values) -> tuple[float, float]:
    """The 95% interval of the mean of n >= 2 paired differences: expanded bootstrap percentiles.

    Plain percentiles of resampled means are far too narrow for a few seeds: their variance is (n - 1) / n of
    what it should be, and their tails are normal. So each percentile's distance from the mean is multiplied
    by sqrt(n / (n - 1)) t_(n-1) / z. (Hesterberg, What Teachers Should Know About the Bootstrap, The American
    Statistician 69, 2015, uses outer percentiles instead, which a few seeds do not have.) Up to seven
    differences, all n^n resamples are used; else 100,000 are drawn, or fewer (at least 2,000) if there are
    more than 2,000 differences with many distinct values.
    """
    values = np.asarray(differences, dtype=np.float64)
    count = len(values)
    upper = (1 + CONFIDENCE) / 2
    low, high = np.quantile(_resampled_means(values), [1 - upper, upper])
    wider = math.sqrt(count / (count - 1)) * stats.t.ppf(upper, count - 1) / NormalDist().inv_cdf(upper)
    mean = float(values.mean())
    return mean + wider * (float(low) - mean), mean + wider * (float(high) - mean)


def _accuracy(probabilities_NC: Probabilities, labels_N: Labels) -> Values:
    right_N: Values = (probabilities_NC.argmax(axis=1) == labels_N).astype(np.float64)
    return right_N


def _macro_accuracy(probabilities_NC: Probabilities, labels_N: Labels) -> Values:
    """Weighted so that all classes count the same, whatever their number of samples."""
    counts_C = np.bincount(labels_N)
    occurring = np.count_nonzero(counts_C)
    return _accuracy(probabilities_NC, labels_N) * len(labels_N) / (occurring * counts_C[labels_N])


def _likelihood(probabilities_NC: Probabilities, labels_N: Labels) -> Values:
    of_label_N = probabilities_NC[np.arange(len(labels_N)), labels_N]
    logarithms_N: Values = np.log(of_label_N.astype(np.float64).clip(np.finfo(np.float32).tiny))
    return logarithms_N


SAMPLE_METRICS = {"accuracy": _accuracy, "macro_accuracy": _macro_accuracy, "loss": _likelihood}
"""The values per sample of which each metric is the mean; larger is better."""


def _resampled_means(values: Values) -> Values:
    count = len(values)
    if count <= _ALL_RESAMPLES:
        means: Values = values[np.array(list(itertools.product(range(count), repeat=count)))].mean(axis=1)
        return means
    draws = np.random.default_rng(0)
    values_U, times_U = np.unique(values, return_counts=True)
    if (
        _PAIRS_A_VALUE * len(values_U) <= count
    ):  # drawing counts of values is the same as drawing indices, and faster
        sizes = _parts(_RESAMPLES, len(values_U))
        drawn = (draws.multinomial(count, times_U / count, size=size) for size in sizes)
        return np.concatenate([drawn_RU @ values_U / count for drawn_RU in drawn])
    resamples = min(_RESAMPLES, max(2000, _DRAWN_AT_MOST // count))
    sizes = _parts(resamples, count)
    return np.concatenate([values[draws.integers(count, size=(size, count))].mean(axis=1) for size in sizes])


def _parts(resamples: int, drawn: int) -> list[int]:
    """Sizes of the batches of resamples, each of ``drawn`` numbers."""
    at_once = max(1, _DRAWN_AT_ONCE // drawn)
    return [min(at_once, resamples - start) for start in range(0, resamples, at_once)]
