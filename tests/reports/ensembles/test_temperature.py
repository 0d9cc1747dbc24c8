"""Temperature scaling makes a prediction as sure as it is right, and changes nothing else."""

import numpy as np
import pytest

from platform.training.evaluation.classification import classification_metrics
from reports.ensembles.rules import probabilities_of
from reports.ensembles.temperature import COLDEST, temperature


@pytest.fixture
def honest():
    """Logits whose softmax is the labels' distribution, and labels drawn from it."""
    rng = np.random.default_rng(0)
    logits_NC = (2 * rng.normal(size=(4000, 6))).astype(np.float32)
    probabilities_NC = probabilities_of(logits_NC)
    labels_N = np.array([rng.choice(6, p=one) for one in probabilities_NC])
    return logits_NC, labels_N


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_it_finds_by_how_much_a_prediction_is_too_sure(honest, factor):
    logits_NC, labels_N = honest
    assert temperature(factor * logits_NC, labels_N) == pytest.approx(factor, rel=0.06)


def test_the_error_of_calibration_falls_and_no_prediction_changes(honest):
    logits_NC, labels_N = honest
    sure_NC = 3 * logits_NC
    cooled_NC = sure_NC / temperature(sure_NC, labels_N)
    classes = tuple("abcdef")

    def ece(scores_NC):
        return classification_metrics(probabilities_of(scores_NC).astype(np.float32), labels_N, classes)[
            "ece"
        ]

    assert ece(cooled_NC) < 0.3 * ece(sure_NC)
    np.testing.assert_array_equal(cooled_NC.argmax(1), sure_NC.argmax(1))


def test_one_that_is_always_right_ends_at_the_bound():
    logits_NC = np.eye(4, dtype=np.float32)[np.arange(20) % 4]
    assert temperature(logits_NC, np.arange(20) % 4) == pytest.approx(COLDEST, rel=0.01)
