"""Post-hoc logit adjustment, and how its tau is chosen on validation."""

from pathlib import Path

import numpy as np
import pytest

from reports.ensembles.logit_adjustment import RULE, balanced_accuracy, best_tau, fitted, log_prior
from reports.ensembles.rules import rules
from reports.ensembles.selection import Ensemble, ensemble_name, in_full

GOLDEN = Path(__file__).parents[2] / "golden" / "losses.npz"
COUNTS_C = np.array([800, 160, 40])
CENTRES_C2 = np.array([[0.0, 2.0], [-1.7, -1.0], [1.7, -1.0]])


def tail(samples=6000, noise=0.0, seed=0):
    """Three classes in a plane, as often as the counts say; the logits are log π_c + log p(x | c)."""
    random = np.random.default_rng(seed)
    true_N = random.choice(3, samples, p=COUNTS_C / COUNTS_C.sum())
    points_N2 = CENTRES_C2[true_N] + random.normal(size=(samples, 2)) * 1.5
    distance_NC = ((points_N2[:, None] - CENTRES_C2) ** 2).sum(2) / (2 * 1.5**2)
    posterior_NC = np.exp(log_prior(COUNTS_C) - distance_NC)
    posterior_NC /= posterior_NC.sum(1, keepdims=True)
    other_N = (true_N + random.integers(1, 3, samples)) % 3
    given_N = np.where(random.random(samples) < noise, other_N, true_N)
    return np.log(posterior_NC).astype(np.float32), given_N, true_N


@pytest.mark.parametrize("case", [0, 1])
def test_adjusted_logits_equal_the_published_code(case):
    golden = np.load(GOLDEN)
    of = {
        name: golden[f"logit_adjustment_{case}/{name}"]
        for name in ("logits", "class_counts", "tau", "adjusted_logits")
    }
    offsets_C = of["tau"] * log_prior(of["class_counts"])
    np.testing.assert_allclose(of["logits"] - offsets_C, of["adjusted_logits"], rtol=1e-6)
    expected_NC = np.exp(of["adjusted_logits"])
    combined_NC = rules()[RULE].combine(of["logits"][None], offsets_C=offsets_C)
    np.testing.assert_allclose(combined_NC, expected_NC / expected_NC.sum(1, keepdims=True), rtol=1e-4)


def test_a_class_without_training_images_is_raised_least():
    prior_C = log_prior(np.array([90, 10, 0]))
    assert prior_C.tolist() == pytest.approx(np.log([0.9, 0.1, 0.9]).tolist())


def test_without_noise_it_is_the_mean_recall():
    labels_N, predicted_N = np.array([0, 0, 0, 1, 2, 2]), np.array([0, 0, 1, 1, 0, 2])
    assert balanced_accuracy(predicted_N, labels_N, 4, 0.0) == pytest.approx((2 / 3 + 1 + 1 / 2) / 3)


@pytest.mark.parametrize("noise", [0.2, 0.4])
def test_the_correction_estimates_the_mean_recall_of_true_labels(noise):
    logits_NC, given_N, true_N = tail(samples=60_000, noise=noise)
    predicted_N = (logits_NC - log_prior(COUNTS_C)).argmax(1)
    truth = balanced_accuracy(predicted_N, true_N, 3, 0.0)
    assert balanced_accuracy(predicted_N, given_N, 3, noise) == pytest.approx(truth, abs=0.02)
    assert balanced_accuracy(predicted_N, given_N, 3, 0.0) < truth - 0.1


def test_tau_is_1_where_the_logits_are_calibrated_and_0_where_classes_are_of_one_size():
    logits_NC, _, true_N = tail(samples=20_000)
    assert best_tau(logits_NC, true_N, log_prior(COUNTS_C), 0.0) == pytest.approx(1.0, abs=0.3)
    assert best_tau(logits_NC, true_N, np.full(3, -1.1), 0.0) == 0


def test_it_helps_the_mean_recall_on_folds_that_did_not_choose_tau():
    logits_NC, given_N, true_N = tail(noise=0.2)
    tau, learnt, judged_NC = fitted(logits_NC, given_N, log_prior(COUNTS_C), 0.2)
    before = balanced_accuracy(logits_NC.argmax(1), true_N, 3, 0.0)
    after = balanced_accuracy(judged_NC.argmax(1), true_N, 3, 0.0)
    assert after > before + 0.1
    ensemble = Ensemble(RULE, (0,), {}, learnt, kind="adjusted")
    whole_NC = ensemble.combine(logits_NC[None])
    assert (whole_NC.argmax(1) == (logits_NC - tau * log_prior(COUNTS_C)).argmax(1)).all()
    assert ensemble_name(ensemble) == "logit adjustment of 1"
    assert in_full(ensemble.rule, ensemble.kind, 1) == "logit adjustment of 1 trial"
