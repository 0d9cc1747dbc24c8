"""How precisely the nights of a level know its mean, and how much seeds differ.

A canary has the same seeds every night, and equal code gives equal values: the nights of a level are then one
draw that was written down several times, not independent draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from platform.nights.verdicts.measured import FloatArray, Measured

FEWEST_SEEDS = 2


@dataclass(frozen=True)
class Level:
    """The nights of a level with at least two finished seeds, together.

    Attributes:
        mean: The mean of the nights' means.
        nights: How many they are; ``independent``: as how many independent nights they count.
        seed_variance: The variance between seeds, pooled within nights, of ``freedom`` degrees of freedom.
        variance_ratio: The variance of ``mean`` that comes from seeds, divided by that of a single seed.
        night_variance: The variance between the nights' means; None with a single night.
        seeds: Seeds a night, on average (the harmonic mean).
    """

    mean: float
    nights: int
    independent: float
    seed_variance: float
    freedom: float
    variance_ratio: float
    night_variance: float | None
    seeds: float


def level_of(nights: Sequence[Measured]) -> Level | None:
    """The level that ``nights`` are; None where none of them has two finished seeds.

    With rho, the share of the seeds' variance that persists from night to night, n nights of K seeds count as
    n / (1 + (n - 1) rho) independent ones: the variance of their mean is s² / (K n_eff), and s² has
    n_eff (K - 1) degrees of freedom. Where seeds are missing in some nights, the same is computed from the
    seeds that each two nights share.
    """
    usable = [one for one in nights if len(one.finished) >= FEWEST_SEEDS]
    if not usable:
        return None
    values_NS, there_NS = _table(usable)
    seeds_N = there_NS.sum(axis=1)
    means_N = values_NS.sum(axis=1) / seeds_N
    deviations_NS = _deviations(values_NS, there_NS)
    within = float(seeds_N.sum() - len(usable))
    seed_variance = float((deviations_NS**2).sum() / within)
    shared_NN = there_NS @ there_NS.T
    weights_NN = shared_NN / np.outer(seeds_N, seeds_N)
    alone = float(np.trace(weights_NN))
    together = alone + persisting_share(values_NS, there_NS, seed_variance) * (
        float(weights_NN.sum()) - alone
    )
    independent = len(usable) * alone / together
    return Level(
        mean=float(means_N.mean()),
        nights=len(usable),
        independent=independent,
        seed_variance=seed_variance,
        freedom=within * independent / len(usable),
        variance_ratio=together / len(usable) ** 2,
        night_variance=float(means_N.var(ddof=1)) if len(usable) > 1 else None,
        seeds=len(usable) / alone,
    )


def without_echoes(
    tonight: Measured, level: Sequence[Measured], was_unclear: Sequence[bool]
) -> tuple[Measured, ...]:
    """The level without unclear nights that have tonight's values to the bit.

    Equal code repeats them: they would make it the same as itself, and what was unclear would be forgotten.
    """
    kept = tuple(
        one
        for one, is_unclear in zip(level, was_unclear, strict=True)
        if not (is_unclear and tonight.equals(one))
    )
    return kept or tuple(level)


def persisting_share(values_NS: FloatArray, there_NS: FloatArray, seed_variance: float) -> float:
    """rho: the share of the seeds' variance that a seed keeps from night to night, in [0, 1].

    The mean covariance of two nights over the seeds that they share, divided by the variance within nights.
    Without missing seeds it is that of the two-way analysis of variance (nights × seeds). 1 where no two
    nights share two seeds: then it is not known, and only seeds that they do share count.
    """
    shared_NN = there_NS @ there_NS.T
    pairs_NN = np.triu(shared_NN >= FEWEST_SEEDS, k=1)
    if not pairs_NN.any() or seed_variance == 0:
        return 1.0
    centred_NS = (values_NS - values_NS.sum() / there_NS.sum()) * there_NS
    sums_NN = centred_NS @ there_NS.T  # of a night's values, over the seeds that it shares with another
    products_NN = centred_NS @ centred_NS.T - sums_NN * sums_NN.T / np.maximum(shared_NN, 1)
    covariance = products_NN[pairs_NN].sum() / (shared_NN[pairs_NN] - 1).sum()
    return float(np.clip(covariance / seed_variance, 0, 1))


def _deviations(values_NS: FloatArray, there_NS: FloatArray) -> FloatArray:
    """From each night's mean; exactly 0 where all seeds of a night have the same value."""
    first_N = values_NS[np.arange(len(values_NS)), there_NS.argmax(axis=1)]
    from_first_NS = (values_NS - first_N[:, None]) * there_NS
    means_N = from_first_NS.sum(axis=1) / there_NS.sum(axis=1)
    deviations_NS: FloatArray = (from_first_NS - means_N[:, None]) * there_NS
    return deviations_NS


def _table(nights: Sequence[Measured]) -> tuple[FloatArray, FloatArray]:
    """Values by night and seed [N, S], 0 where a seed is missing, and 1 where it is there, else 0."""
    columns = {seed: place for place, seed in enumerate(sorted({s for one in nights for s in one.finished}))}
    values_NS = np.zeros((len(nights), len(columns)))
    there_NS = np.zeros_like(values_NS)
    for row, night in enumerate(nights):
        for seed, value in night.finished.items():
            values_NS[row, columns[seed]], there_NS[row, columns[seed]] = value, 1
    return values_NS, there_NS
