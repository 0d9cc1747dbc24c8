"""The estimated precision of rejected labels, where the truth is known and where it is not."""

import numpy as np
import pytest

from reports.findings.suspect_precision import Caught, estimated_precision, is_as_long_as_by_chance


def drawn(accuracy, wrong, images=4000, classes=10, seed=0):
    """Predictions with that accuracy, calibrated, and given labels of which that share is wrong."""
    rng = np.random.default_rng(seed)
    true_N = rng.integers(classes, size=images)
    guess_N = rng.integers(classes, size=images)
    predicted_N = np.where(rng.random(images) < accuracy, true_N, guess_N)
    given_N = np.where(
        rng.random(images) < wrong, (true_N + rng.integers(1, classes, images)) % classes, true_N
    )
    logits_NC = rng.normal(0, 0.3, (images, classes))
    logits_NC[np.arange(images), predicted_N] += rng.uniform(1, 4, images)
    probabilities_NC = np.exp(logits_NC)
    probabilities_NC /= probabilities_NC.sum(axis=1, keepdims=True)
    return probabilities_NC.astype(np.float32), true_N, given_N


@pytest.mark.parametrize(("accuracy", "wrong"), [(0.95, 0.4), (0.9, 0.2)])
def test_the_estimate_is_near_the_truth_for_a_model_that_knows_its_classes(accuracy, wrong):
    probabilities_NC, true_N, given_N = drawn(accuracy, wrong)
    rejects_N = probabilities_NC.argmax(axis=1) != given_N
    precision = (given_N != true_N)[rejects_N].mean()
    assert estimated_precision([probabilities_NC], given_N) == pytest.approx(precision, abs=0.15)


def test_finalists_that_reject_nothing_have_no_estimate():
    probabilities_NC = np.eye(3, dtype=np.float32)[[0, 1, 2, 2]]
    assert estimated_precision([probabilities_NC], np.array([0, 1, 2, 2])) is None


def test_only_rejections_that_more_than_half_agree_on_count():
    """Three finalists name class 1 for the first image, and each another class for the last."""
    votes = [[1, 0, 1, 2], [1, 0, 1, 1], [1, 0, 1, 0]]
    probabilities = [np.eye(3, dtype=np.float32)[vote] * 0.8 + 0.1 for vote in votes]
    given_N = np.array([0, 0, 1, 0])
    assert estimated_precision(probabilities, given_N) == 1.0
    assert estimated_precision(probabilities, np.array([1, 0, 1, 0])) is None


def test_images_on_which_finalists_do_not_agree_do_not_count():
    given = ["a", "b"] * 50
    assert not is_as_long_as_by_chance([None] * 100, given)
    assert is_as_long_as_by_chance(["b", "b"] * 50, given)
    assert not is_as_long_as_by_chance(given, given)


@pytest.mark.parametrize(("right", "is_chance"), [(12, True), (25, False)])
def test_a_list_must_hold_more_wrong_labels_than_one_drawn_at_random(right, is_chance):
    assert Caught(30, right, 400, 0, 1000).is_chance == is_chance
