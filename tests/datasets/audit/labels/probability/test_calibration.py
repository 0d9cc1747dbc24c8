"""Probabilities on data with known truth: errors score as the planted ones do."""

import numpy as np
import pytest

from platform.datasets.audit.labels.probability.calibration import Doubt, calibrate, noise_rate
from platform.datasets.audit.labels.probability.combination import learn, normal_scores
from platform.datasets.audit.labels.probability.expectation import (
    budget_table,
    budgets,
    flagged,
    repeated,
    shifted,
    wrong_by_class,
)


@pytest.fixture(params=[0.05, 0.2, 0.4])
def scored(request):
    """Scores of 8,000 labels, whether each is wrong, and scores of 600 planted errors."""
    rate = request.param
    random = np.random.default_rng(round(100 * rate))
    wrong = random.uniform(size=8000) < rate
    return random.normal(2.5 * wrong, 1), wrong, random.normal(2.5, 1, 600)


def test_the_noise_rate_is_that_of_the_surest_images():
    disagrees = np.concatenate([np.arange(1000) % 5 == 0, np.ones(9000, dtype=bool)])
    assert noise_rate(disagrees) == pytest.approx(0.2, abs=0.001)
    assert noise_rate(disagrees[:50]) == pytest.approx(0.2, abs=0.01)
    assert 0 < noise_rate(np.zeros(500, dtype=bool)) < 0.01


def test_the_stated_precision_is_within_three_points_at_every_budget(scored):
    score, wrong, planted = scored
    p = calibrate(score, planted, wrong.mean()).p_wrong(score)
    order = np.argsort(-p)
    for images in (200, 500, 1000, 2000, 4000, 8000):
        listed = order[:images]
        assert p[listed].mean() == pytest.approx(wrong[listed].mean(), abs=0.03)


def test_intervals_hold_the_truth(scored):
    score, wrong, planted = scored
    disagrees = wrong[np.random.default_rng(0).permutation(8000)]
    p = calibrate(score, planted, noise_rate(disagrees)).p_wrong(score)
    order = np.argsort(-p)
    each = repeated(score[order], np.zeros(len(p)), planted, np.arange(600) < 300, disagrees)
    table = budget_table(p[order], each)
    truth = np.array([wrong[order][:images].mean() for images in table["images"]])
    recall = np.array([wrong[order][:images].sum() / wrong.sum() for images in table["images"]])
    assert ((table["precision_low"] <= truth) & (truth <= table["precision_high"])).mean() >= 0.9
    assert ((table["recall_low"] <= recall) & (recall <= table["recall_high"])).mean() >= 0.9
    assert table["recall"].iloc[-1] == pytest.approx(1)


def test_noise_alone_is_no_doubt_and_weak_features_are():
    random = np.random.default_rng(0)
    noise = random.uniform(size=5000) < 0.4
    assert Doubt.of(noise).missed == pytest.approx(0, abs=0.1)
    weak = random.uniform(size=5000) < np.linspace(0.1, 0.9, 5000)  # surest first
    assert Doubt.of(weak).missed == pytest.approx(1 - 0.5 / 0.86, abs=0.05)
    assert Doubt.of(noise).is_small and not Doubt.of(weak).is_small
    bad = random.uniform(size=5000) < 0.7  # most labels contradict even the surest predictions
    assert Doubt.of(bad).rate == 0.5 and not Doubt.of(bad).is_small


def test_doubt_draws_probabilities_towards_the_rate():
    random = np.random.default_rng(0)
    wrong = random.uniform(size=3000) < 0.2
    score, planted = random.normal(3.0 * wrong, 1), random.normal(3.0, 1, 300)
    sure, unsure = (Doubt(0.2, missed).p_wrong(score, planted) for missed in (0.0, 0.8))
    assert unsure.max() < 0.8 < sure.max()
    assert (np.argsort(unsure, kind="stable") == np.argsort(sure, kind="stable")).all()
    assert Doubt(0.2, 1.0).p_wrong(score, planted, 1.0) == pytest.approx(np.zeros(3000), abs=1e-3)


def test_what_is_not_stated_has_an_interval_only():
    p = np.linspace(0.9, 0.1, 100)
    table = budget_table(p, np.stack([p, p * 0.5]), stated=False)
    assert table["precision"].isna().all() and table["recall"].isna().all()
    assert (table["precision_low"] < table["precision_high"]).all()


def test_budgets_end_with_all_images():
    assert budgets(120).tolist() == [10, 20, 50, 100, 120]
    assert budgets(7).tolist() == [7]


def test_added_log_odds_of_nought_change_nothing():
    assert shifted(np.array([0.2, 0.9]), np.zeros(2)) == pytest.approx([0.2, 0.9])


def test_wrong_labels_are_expected_by_class():
    assert wrong_by_class(np.array([0.5, 0.25, 1.0]), np.array([0, 0, 2]), 3).tolist() == [0.75, 0, 1.0]


def test_as_many_are_flagged_as_make_the_expected_f1_highest():
    assert flagged(np.array([0.1, 0.9, 0.8, 0.05])).tolist() == [False, True, True, False]
    assert not flagged(np.zeros(0)).any()


def test_a_score_that_tells_more_weighs_more_and_a_misleading_one_nothing():
    random = np.random.default_rng(0)
    wrong = random.uniform(size=4000) < 0.2

    def scores(is_wrong):
        return {
            "good": random.normal(3.0 * is_wrong, 1),
            "weak": random.normal(0.5 * is_wrong, 1),
            "misleading": random.normal(-1.0 * is_wrong, 1),
        }

    found = learn(scores(np.ones(500, dtype=bool)), scores(wrong), 0.2)
    weights = dict(zip(found.names, found.weights_S, strict=True))
    assert weights["good"] > 2 * weights["weak"] > 0
    assert weights["misleading"] == 0


def test_ranks_take_the_place_of_values_and_missing_ones_are_in_the_middle():
    reference = np.array([1.0, 2.0, 4.0, 100.0])
    found = normal_scores(np.array([1.0, 3.0, 1e9, np.nan]), reference)
    assert found[0] < 0 < found[2]
    assert found[1] == pytest.approx(0)
    assert found[3] == 0
