"""Tonight's seeds against the level: the difference, its interval, and how likely chance alone makes it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

from scipy.special import stdtr, stdtrit

from platform.nights.verdicts.level import FEWEST_SEEDS, Level, level_of
from platform.nights.verdicts.measured import FloatArray, Measured
from platform.tuning.goals import Direction

SUSPICION = 0.05
FEWEST_NIGHTS = 3
"""Nights that a level must have where the night is the unit: two degrees of freedom."""
POWER, CONFIDENCE = 0.8, 0.95


@dataclass(frozen=True)
class Judgement:
    """The seeds of one night against a level.

    Attributes:
        min_change: The smallest difference that matters.
        seeds: How many seeds of tonight finished; ``mean``: their mean, NaN without any.
        level: The level's mean; None where there is no level.
        error: The standard error of ``mean - level``, of ``freedom`` degrees of freedom; None with a problem.
        seed_variance: The variance between seeds, pooled within nights, tonight among them.
        p: Two-sided, that a difference as large comes from chance alone; None with a problem.
        seeds_needed: Seeds a night with which a change of ``min_change`` is found in 80 of 100 nights; None
            where more seeds are no help, as with a problem or where nights differ besides.
        is_identical: Every seed has the value of an earlier night of the level, to the bit.
        problem: Why nothing can be said.
    """

    metric: str
    direction: Direction
    min_change: float
    seeds: int
    mean: float
    level: float | None = None
    error: float | None = None
    freedom: float = 1.0
    seed_variance: float | None = None
    p: float | None = None
    seeds_needed: int | None = None
    is_identical: bool = False
    problem: str | None = None

    @property
    def difference(self) -> float | None:
        return None if self.level is None or self.problem else self.mean - self.level

    def interval(self, confidence: float = CONFIDENCE) -> tuple[float, float] | None:
        """Of the difference; None with a problem."""
        if self.difference is None or self.error is None:
            return None
        half = float(stdtrit(self.freedom, (1 + confidence) / 2)) * self.error
        return self.difference - half, self.difference + half

    @property
    def is_within_min_change(self) -> bool:
        """Equivalence by two one-sided tests at 0.05: the 90% interval lies inside ± ``min_change``."""
        if self.is_identical:
            return True
        interval = self.interval(0.90)
        return interval is not None and -self.min_change < interval[0] and interval[1] < self.min_change


def judge(
    tonight: Measured,
    level: Sequence[Measured],
    *,
    metric: str,
    direction: Direction,
    min_change: float,
    between_nights: bool = False,
) -> Judgement:
    """Compare the mean of tonight's seeds with the level by Student's t with the pooled variance of seeds.

    No credit is taken for seeds that tonight shares with the level: a harmless change of code draws all of
    them anew. ``between_nights``: nights differ by more than their seeds, as a space's finalists do, whose
    settings are found anew each night. Then the night is the unit: a night's mean is compared with the
    variance of the level's means, with n - 1 degrees of freedom.
    """
    values_S, known = tonight.array(), level_of(level)
    mean = float(values_S.mean()) if len(values_S) else math.nan
    of_level = known.mean if known else None
    judged = Judgement(metric, direction, min_change, len(values_S), mean, of_level)
    equal = [tonight.equals(night) for night in level]
    problem = None if any(equal) else _problem(len(values_S), known, between_nights)
    if known is None or problem:
        return replace(judged, problem=problem)
    variance, freedom = _pooled(values_S, known)
    squared_error = variance * (1 / len(values_S) + known.variance_ratio)
    if any(equal):
        error = 0.0 if all(equal) else math.sqrt(squared_error)
        return replace(judged, error=error, freedom=freedom, seed_variance=variance, p=1.0, is_identical=True)
    if between_nights:
        of_a_night = max(known.night_variance or 0.0, variance / known.seeds)
        squared_error = of_a_night * (1 + 1 / known.nights) + variance * (1 / len(values_S) - 1 / known.seeds)
        freedom = known.nights - 1.0
    error = math.sqrt(squared_error)
    return replace(
        judged,
        error=error,
        freedom=freedom,
        seed_variance=variance,
        p=_p(mean - known.mean, error, freedom),
        seeds_needed=None if between_nights else seeds_needed(variance, min_change),
    )


def is_suspicion(judgement: Judgement) -> bool:
    """Whether fresh seeds are to run: p < 0.05, and the difference is one that matters."""
    difference, p = judgement.difference, judgement.p
    return (
        p is not None and difference is not None and p < SUSPICION and abs(difference) >= judgement.min_change
    )


def seeds_needed(seed_variance: float, change: float, power: float = POWER) -> int:
    """Seeds of each of two means with which ``change`` is found with this power, at 0.05 two-sided.

    n = 2 (z_0.975 + z_power)² s² / change², and at least two.
    """
    normal = NormalDist()
    z = normal.inv_cdf((1 + CONFIDENCE) / 2) + normal.inv_cdf(power)
    return max(FEWEST_SEEDS, math.ceil(2 * z**2 * seed_variance / change**2))


def _problem(seeds: int, level: Level | None, between_nights: bool) -> str | None:
    if seeds < FEWEST_SEEDS:
        return f"{seeds or 'no'} seed{'s' * (seeds != 1)} finished tonight, and a comparison takes two"
    if level is None:
        return "no night of the level has two finished seeds"
    if between_nights and level.nights < FEWEST_NIGHTS:
        counted = f"{level.nights} night{'s' * (level.nights > 1)}"
        return f"the level has {counted}, and how much nights differ is known from {FEWEST_NIGHTS}"
    return None


def _pooled(values_S: FloatArray, level: Level) -> tuple[float, float]:
    """The variance between seeds within the level's nights and tonight, and its degrees of freedom."""
    from_first_S = values_S - values_S[0]  # exactly 0 where all are equal
    squares = float(((from_first_S - from_first_S.mean()) ** 2).sum())
    freedom = level.freedom + len(values_S) - 1
    return (level.seed_variance * level.freedom + squares) / freedom, freedom


def _p(difference: float, error: float, freedom: float) -> float:
    if error == 0:  # no seed makes a difference, so that nothing but a change can
        return 1.0 if difference == 0 else 0.0
    return float(2 * stdtr(freedom, -abs(difference) / error))
