"""Margins of a training sharpen probabilities that were made without them."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from platform.datasets.audit.labels.evidence import mean_ranks
from platform.datasets.audit.labels.probability.margins import with_margins


@pytest.fixture
def known():
    random = np.random.default_rng(0)
    wrong = random.uniform(size=6000) < 0.2
    odds = 0.25 * np.exp(random.normal(1.5 * wrong, 1) * 1.5 - 1.125)
    return wrong, odds / (1 + odds), random.normal(1.5 * wrong, 1)


def test_margins_sort_better_and_the_mean_stays(known):
    wrong, p, suspicion = known
    joined = with_margins(p, suspicion)
    assert joined.mean() == pytest.approx(p.mean(), abs=1e-3)
    better, before = (average_precision_score(wrong, one) for one in (joined, p))
    assert better > before + 0.05


def test_margins_without_meaning_change_little(known):
    _, p, _ = known
    noise = np.random.default_rng(1).normal(size=len(p))
    assert np.abs(with_margins(p, noise) - p).mean() < 0.02


def test_images_without_a_margin_keep_their_probability(known):
    _, p, suspicion = known
    suspicion = np.where(np.arange(len(p)) < 100, np.nan, suspicion)
    joined = with_margins(p, suspicion)
    assert np.array_equal(joined[:100], p[:100])
    assert np.array_equal(with_margins(p, np.full(len(p), np.nan)), p)


def test_ranks_of_networks_are_averaged_whatever_their_scale():
    one, other = np.array([1.0, 2.0, np.nan]), np.array([300.0, 100.0, np.nan])
    found = mean_ranks([one, other])
    assert found[0] == found[1]
    assert np.isnan(found[2])
    assert mean_ranks([one])[0] > mean_ranks([one])[1]
