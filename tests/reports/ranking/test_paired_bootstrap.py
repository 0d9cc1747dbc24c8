"""The interval of a mean of paired differences, of a few seeds and of many images."""

import numpy as np
import pytest
from scipy import stats

from reports.ranking import paired_bootstrap as paired
from reports.ranking.paired_bootstrap import bootstrap_interval


@pytest.mark.parametrize("count", [5, 150, 20_000])
def test_it_is_the_t_interval_of_normal_differences(count):
    values = np.random.default_rng(count).normal(0.3, 1.0, size=count)
    expected = stats.t.interval(0.95, count - 1, values.mean(), values.std(ddof=1) / np.sqrt(count))
    assert bootstrap_interval(values) == pytest.approx(expected, rel=0.25 if count == 5 else 0.08)


@pytest.mark.parametrize("count", [150, 20_000])
def test_of_few_values_it_is_the_same_whether_values_are_counted_or_pairs_drawn(count, monkeypatch):
    differences = np.random.default_rng(count).choice([-1.0, 0.0, 1.0], p=[0.05, 0.85, 0.1], size=count)
    counted = bootstrap_interval(differences)
    monkeypatch.setattr(paired, "_PAIRS_A_VALUE", count + 1)
    assert counted == pytest.approx(bootstrap_interval(differences), abs=0.1 * (counted[1] - counted[0]))


def test_images_that_both_predict_rightly_widen_nothing():
    """Of 1,000 images twelve are gained and two lost: the interval is of these, and above zero."""
    differences = np.zeros(1000)
    differences[:12], differences[12:14] = 1, -1
    low, high = bootstrap_interval(differences)
    assert 0 < low < 0.01 < high < 0.02
