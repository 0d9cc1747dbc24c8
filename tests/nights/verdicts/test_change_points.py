"""Change points against a computation by explicit loops, and on series with planted changes."""

import itertools
import math

import numpy as np
import pytest

from platform.nights.verdicts.change_points import change_points, largest_energy


def mean_distance(first, second):
    distances = [abs(one - other) for one in first for other in second]
    return sum(distances) / len(distances)


def mean_distance_within(values):
    distances = [abs(one - other) for one, other in itertools.combinations(values, 2)]
    return sum(distances) / len(distances)


def energies_by_loops(values):
    """The energy statistic of each split, pair by pair."""
    found = {}
    for split in range(2, len(values) - 1):
        before, after = values[:split], values[split:]
        found[split] = (len(before) * len(after) / len(values)) * (
            2 * mean_distance(before, after) - mean_distance_within(before) - mean_distance_within(after)
        )
    return found


@pytest.mark.parametrize("count", [4, 5, 17])
def test_the_energy_statistic_is_that_of_explicit_loops(count):
    values = np.random.default_rng(count).normal(size=count)
    expected = energies_by_loops(values)
    energy, split = largest_energy(values)
    assert energy == pytest.approx(max(expected.values()))
    assert split == max(expected, key=expected.__getitem__)


@pytest.mark.parametrize("values", [[], [0.5], [0.1, 0.9], [0.1, 0.9, 0.9], [0.7] * 20])
def test_a_short_or_constant_series_has_none(values):
    assert change_points(values) == []


def test_planted_changes_are_found_where_they_are():
    noise = np.random.default_rng(1).normal(scale=0.01, size=60)
    steps = np.repeat([0.90, 0.85, 0.88], 20)
    assert [one.index for one in change_points(steps + noise)] == [20, 40]
    assert all(one.p <= 0.01 for one in change_points(steps + noise))


def test_it_is_the_same_on_every_call():
    values = np.random.default_rng(2).normal(size=30) + np.repeat([0, 1.2], 15)
    assert change_points(values) == change_points(values)


def test_the_p_value_is_the_share_of_permutations_that_split_as_well():
    """Of the 720 orders of 0 0 0 1 1 1 the best split is as good in 72: 0 and 1 apart, in either order."""
    values = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    best = largest_energy(np.array(values))[0]
    orders = list(itertools.permutations(values))
    exact = sum(largest_energy(np.array(order))[0] > best - 1e-9 for order in orders) / len(orders)
    assert exact == pytest.approx(72 / 720)
    (found,) = change_points(values, p_limit=1.0)[:1]
    assert found.index == 3
    assert found.p == pytest.approx(exact, abs=4 * math.sqrt(exact * (1 - exact) / 499))
    assert change_points(values, p_limit=0.05) == []


def test_noise_alone_has_a_change_point_as_rarely_as_asked():
    random = np.random.default_rng(3)
    series = 30
    wrong = sum(bool(change_points(random.normal(size=20), p_limit=0.05)) for _ in range(series))
    assert wrong <= 0.05 * series + 3 * math.sqrt(series * 0.05 * 0.95)


def test_a_value_that_is_not_finite_is_refused():
    with pytest.raises(ValueError, match="not finite"):
        change_points([0.1, math.nan, 0.2, 0.3])
