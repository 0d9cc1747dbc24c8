"""The nights from which a series is another one: E-Divisive with a permutation test.

Matteson & James, A Nonparametric Approach for Multiple Change Point Analysis of Multivariate Data, Journal of
the American Statistical Association 109, 2014 (arXiv 1306.4933). Here a segment is split in two, as Hunter
(Apache Otava) does; the paper also tries an earlier end of the second part.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from platform.nights.verdicts.measured import FloatArray

PERMUTATIONS = 499
FEWEST_VALUES = 2
"""On either side of a change point: within a single value there is no distance."""


@dataclass(frozen=True, order=True)
class ChangePoint:
    """``index``: the first value after the change; ``p``: of the permutation test."""

    index: int
    p: float


def change_points(values: Sequence[float] | FloatArray, *, p_limit: float = 0.05) -> list[ChangePoint]:
    """The change points of a series, in its order.

    The split with the largest energy statistic in any segment is tested against permutations within the
    segments; if p < ``p_limit`` it becomes a change point, and both its sides are searched. Random numbers
    are the same on each call. A series of a canary, whose seeds are the same every night, also steps where a
    harmless change of code draws all seeds anew: then these seeds' values have changed, the level has not.

    Raises:
        ValueError: a value is not finite.
    """
    series = np.asarray(values, dtype=np.float64)
    if not np.isfinite(series).all():
        raise ValueError("a series with a value that is not finite has no change points")
    random, found, starts = np.random.default_rng(0), [], [0, len(series)]
    while True:
        segments = [series[start:end] for start, end in pairwise(starts)]
        best = [largest_energy(one) for one in segments]
        place = int(np.argmax([energy for energy, _ in best]))
        energy, split = best[place]
        if energy <= 0:
            break
        p = _p_of_permutations(segments, energy, random)
        if p >= p_limit:
            break
        found.append(ChangePoint(starts[place] + split, p))
        starts = sorted([*starts, starts[place] + split])
    return sorted(found)


def largest_energy(values: FloatArray) -> tuple[float, int]:
    """The largest energy statistic of a split of the values, and the index of its first value after it.

    n m / (n + m) (2 E|X - Y| - E|X - X'| - E|Y - Y'|) of the n values X before and the m values Y after it;
    X and X' are different ones. 0 where there are too few values to split.
    """
    count = len(values)
    splits = np.arange(FEWEST_VALUES, count - FEWEST_VALUES + 1)
    if not len(splits):
        return 0.0, 0
    sums = np.abs(values[:, None] - values).cumsum(axis=0).cumsum(axis=1)
    before, after = splits, count - splits
    within_before = sums[splits - 1, splits - 1]
    across = sums[splits - 1, count - 1] - within_before
    within_after = sums[-1, -1] - 2 * across - within_before
    energies = (before * after / count) * (
        2 * across / (before * after)
        - within_before / (before * (before - 1))
        - within_after / (after * (after - 1))
    )
    best = int(np.argmax(energies))
    return float(energies[best]), int(splits[best])


def _p_of_permutations(segments: Sequence[FloatArray], energy: float, random: np.random.Generator) -> float:
    """The share of permutations within segments that have a split as good: (1 + k) / (1 + permutations)."""
    enough = energy * (1 - 1e-9)  # an equally good split, whose sums were rounded otherwise
    as_good = sum(
        max(largest_energy(random.permutation(one))[0] for one in segments) >= enough
        for _ in range(PERMUTATIONS)
    )
    return (1 + as_good) / (1 + PERMUTATIONS)
