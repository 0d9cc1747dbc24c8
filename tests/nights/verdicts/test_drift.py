"""The weighted average and its control limits, against their formula and Lucas & Saccucci's run length."""

import math

import numpy as np
import pytest

from platform.nights.verdicts.drift import ewma


def test_the_average_and_its_limits_are_those_of_the_formula():
    values, sigma, centre = [0.91, 0.90, 0.86, 0.88], 0.01, 0.9
    smoothed, low, high = ewma(values, sigma, centre=centre)
    for t in range(1, 5):
        weighted = sum(0.2 * 0.8 ** (t - place) * values[place - 1] for place in range(1, t + 1))
        assert smoothed[t - 1] == pytest.approx(0.8**t * centre + weighted)
        variance = sigma**2 * sum((0.2 * 0.8 ** (t - place)) ** 2 for place in range(1, t + 1))
        assert high[t - 1] - centre == pytest.approx(2.962 * math.sqrt(variance))
        assert centre - low[t - 1] == pytest.approx(2.962 * math.sqrt(variance))


def test_without_a_centre_it_is_the_values_mean():
    smoothed, low, high = ewma([1.0, 3.0], 1.0)
    assert smoothed.tolist() == pytest.approx([1.8, 2.04])
    assert ((low + high) / 2).tolist() == pytest.approx([2.0, 2.0])


def test_an_empty_series_has_an_empty_average():
    assert [len(one) for one in ewma([], 1.0)] == [0, 0, 0]


def test_a_slow_drift_leaves_the_limits_and_a_steady_series_rarely_does():
    random = np.random.default_rng(0)
    drifting = random.normal(size=40) + np.linspace(0, -3, 40)
    smoothed, low, _ = ewma(drifting, 1.0, centre=0.0)
    assert (smoothed < low).any()
    steady, nights = 300, 50
    outside = 0
    for _ in range(steady):
        smoothed, low, high = ewma(random.normal(size=nights), 1.0, centre=0.0)
        outside += bool(((smoothed < low) | (smoothed > high)).any())
    expected = 1 - math.exp(-nights / 500)  # one in 500 nights
    assert outside / steady == pytest.approx(expected, abs=4 * math.sqrt(expected / steady))
