"""Measures of models under noisy labels: what noise they estimate, and whether they say what they promise."""

import numpy as np
import pytest

from reports.ensembles.temperature import temperature
from reports.ranking.noisy_selection import (
    Noise,
    agreement,
    believed_accuracy,
    corrected_accuracy,
    estimated_noise,
    noisy_likelihood,
)

CLASSES, IMAGES = 4, 6_000
TRANSITION = np.array(
    [[0.7, 0.3, 0.0, 0.0], [0.0, 0.8, 0.2, 0.0], [0.0, 0.0, 1.0, 0.0], [0.1, 0.1, 0.1, 0.7]]
)


@pytest.fixture(scope="module")
def world():
    """True labels, labels given with the noise of TRANSITION, and logits of a model that is mostly right."""
    random = np.random.default_rng(0)
    true_N = random.integers(CLASSES, size=IMAGES)
    given_N = (random.random(IMAGES)[:, None] > TRANSITION[true_N].cumsum(1)).sum(1)
    logits_NC = random.normal(size=(IMAGES, CLASSES))
    logits_NC[np.arange(IMAGES), true_N] += 3.0
    return true_N, given_N, logits_NC


def softmax(logits_NC):
    values_NC = np.exp(logits_NC - logits_NC.max(1, keepdims=True))
    return values_NC / values_NC.sum(1, keepdims=True)


def known(believed_N):
    return Noise(TRANSITION, np.full(CLASSES, 1 / CLASSES), believed_N)


def test_the_noise_matrix_is_found_again(world):
    true_N, given_N, logits_NC = world
    noise = estimated_noise(softmax(2 * logits_NC), given_N)
    assert np.abs(noise.transition_CC - TRANSITION).max() < 0.06
    assert noise.transition_CC.sum(1) == pytest.approx(1)
    assert noise.rate == pytest.approx((true_N != given_N).mean(), abs=0.02)
    wrong_N = true_N != given_N
    assert (~noise.believed_N)[wrong_N].mean() > 0.8 and noise.believed_N[~wrong_N].mean() > 0.95


def test_weak_models_say_that_they_cannot_tell(world):
    true_N, given_N, logits_NC = world
    assert estimated_noise(softmax(2 * logits_NC), given_N).is_sure
    weak_NC = logits_NC.copy()
    weak_NC[np.arange(IMAGES), true_N] -= 2.5
    assert not estimated_noise(softmax(2 * weak_NC), true_N).is_sure


def test_a_class_that_nobody_predicts_or_labels_has_no_noise():
    probabilities_NC = np.tile([0.6, 0.4, 0.0], (10, 1))
    noise = estimated_noise(probabilities_NC, np.zeros(10, dtype=np.int64))
    assert noise.transition_CC == pytest.approx(np.eye(3)) and noise.rate == pytest.approx(0)


def test_corrected_accuracy_is_the_true_one_in_expectation(world):
    true_N, given_N, logits_NC = world
    predicted_MN = np.stack([logits_NC.argmax(1), true_N, np.zeros(IMAGES, dtype=np.int64)])
    found_M = corrected_accuracy(predicted_MN, given_N, known(np.ones(IMAGES, dtype=bool)))
    assert found_M == pytest.approx((predicted_MN == true_N).mean(1), abs=0.02)
    singular = Noise(np.full((CLASSES, CLASSES), 0.25), np.full(CLASSES, 0.25), np.ones(IMAGES, dtype=bool))
    assert np.isnan(corrected_accuracy(predicted_MN, given_N, singular)).all()


def test_believed_accuracy_counts_believed_labels_alone():
    predicted_MN, labels_N = np.array([[0, 1, 1], [0, 0, 0]]), np.array([0, 0, 1])
    believed = known(np.array([True, False, True]))
    assert believed_accuracy(predicted_MN, labels_N, believed).tolist() == [1.0, 0.5]
    assert np.isnan(believed_accuracy(predicted_MN, labels_N, known(np.zeros(3, dtype=bool)))).all()


def test_agreement_needs_no_labels():
    mean_NC = np.array([[0.9, 0.1], [0.2, 0.8]])
    assert agreement(np.array([[0, 1], [1, 1]]), mean_NC).tolist() == [1.0, 0.5]


def test_the_likelihood_through_the_noise_is_highest_for_the_true_probabilities(world):
    true_N, given_N, _ = world
    right_NC = np.eye(CLASSES)[true_N]
    hedged_NC = 0.9 * right_NC + 0.1 / CLASSES
    three_MNC = np.stack([right_NC, hedged_NC, np.full((IMAGES, CLASSES), 1 / CLASSES)])
    found_M = noisy_likelihood(three_MNC, given_N, known(np.ones(IMAGES, dtype=bool)))
    assert found_M[0] > found_M[1] > found_M[2]
    own_N = TRANSITION[true_N, given_N]
    assert found_M[0] == pytest.approx(np.log(own_N).mean())


def test_a_temperature_under_the_noise_is_that_of_the_true_labels(world):
    true_N, given_N, logits_NC = world
    sharp_NC = 2.5 * logits_NC
    of_true, of_given = temperature(sharp_NC, true_N), temperature(sharp_NC, given_N)
    assert of_given > 1.5 * of_true
    assert temperature(sharp_NC, given_N, TRANSITION) == pytest.approx(of_true, rel=0.1)
