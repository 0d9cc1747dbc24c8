"""What a level's nights know together, against explicit loops, and where every night is new or the same."""

import math
from statistics import fmean, variance

import numpy as np
import pytest

from platform.nights.verdicts.level import level_of
from platform.nights.verdicts.measured import Measured


def night(*values, first=0):
    return Measured({first + place: value for place, value in enumerate(values)})


def nights_of(values_NS):
    return [night(*row) for row in values_NS.tolist()]


def persisting_share_by_loops(rows):
    """Two-way analysis of variance, nights × seeds: the seeds' component over the sum of both."""
    nights, seeds = len(rows), len(rows[0])
    grand = fmean(value for row in rows for value in row)
    of_nights = [fmean(row) for row in rows]
    of_seeds = [fmean(row[seed] for row in rows) for seed in range(seeds)]
    between = nights * sum((one - grand) ** 2 for one in of_seeds) / (seeds - 1)
    rest = sum(
        (rows[i][j] - of_nights[i] - of_seeds[j] + grand) ** 2 for i in range(nights) for j in range(seeds)
    ) / ((nights - 1) * (seeds - 1))
    component = (between - rest) / nights
    return min(1.0, max(0.0, component / (component + rest)))


@pytest.mark.parametrize("persisting", [0.0, 0.4, 0.9])
def test_nights_count_by_the_share_of_the_variance_that_persists(persisting):
    random = np.random.default_rng(7)
    seeds_S = random.normal(size=5)
    values_NS = math.sqrt(persisting) * seeds_S + math.sqrt(1 - persisting) * random.normal(size=(6, 5))
    rows = values_NS.tolist()
    share = persisting_share_by_loops(rows)
    level = level_of(nights_of(values_NS))
    assert level.independent == pytest.approx(6 / (1 + 5 * share))
    assert level.seed_variance == pytest.approx(fmean(variance(row) for row in rows))
    assert level.freedom == pytest.approx(level.independent * 4)
    assert level.variance_ratio == pytest.approx(1 / (5 * level.independent))
    assert level.mean == pytest.approx(values_NS.mean())
    assert level.night_variance == pytest.approx(variance([fmean(row) for row in rows]))


def test_equal_nights_are_one_night_written_down_often():
    level = level_of([night(0.1, 0.2, 0.4)] * 9)
    assert level.independent == pytest.approx(1)
    assert level.freedom == pytest.approx(2)
    assert level.seed_variance == pytest.approx(variance([0.1, 0.2, 0.4]))


def test_nights_of_which_half_are_drawn_anew_count_as_two():
    """Of five times A and five times B 20 of 45 pairs are equal, and A and B have nothing in common."""
    a, b = night(1.0, 1.0, -1.0, -1.0, 0.0), night(1.0, -1.0, 1.0, -1.0, 0.0)
    assert level_of([a] * 5 + [b] * 5).independent == pytest.approx(2)


def test_one_night_counts_as_one():
    level = level_of([night(0.1, 0.2, 0.4)])
    assert (level.nights, level.independent, level.freedom) == (1, 1, 2)
    assert level.night_variance is None


def test_nights_with_other_seeds_are_independent_draws():
    level = level_of([night(0.1, 0.2, 0.4), night(0.3, 0.2, 0.1, first=10)])
    assert level.independent == pytest.approx(2)


def test_a_single_seed_in_common_is_taken_to_persist():
    """Var(mean of the two means) = s² (1/3 + 1/3 + 2 · 1/9) / 4."""
    level = level_of([night(0.1, 0.2, 0.4), night(0.4, 0.2, 0.1, first=2)])
    assert level.variance_ratio == pytest.approx((1 / 3 + 1 / 3 + 2 / 9) / 4)


def test_a_missing_seed_leaves_its_night_the_others():
    full, short = night(0.1, 0.2, 0.4, 0.3), Measured({0: 0.1, 1: math.nan, 2: 0.4, 3: 0.3})
    level = level_of([full, short])
    assert level.mean == pytest.approx((0.25 + 0.8 / 3) / 2)
    persisting = 1.0  # what is there in both is equal
    assert level.variance_ratio == pytest.approx((1 / 4 + 1 / 3 + 2 * persisting * 3 / 12) / 4, rel=0.05)


def test_seeds_without_any_difference_have_exactly_no_variance():
    level = level_of([night(0.1, 0.1, 0.1), night(0.3, 0.3, 0.3)])
    assert level.seed_variance == 0.0


def test_nights_with_fewer_than_two_seeds_say_nothing():
    assert level_of([]) is None
    assert level_of([Measured({0: 0.3}), Measured({0: math.nan, 1: 0.2})]) is None
    assert level_of([Measured({0: 0.3}), night(0.1, 0.2)]).nights == 1
