"""Scores of out-of-fold probabilities equal those of cleanlab."""

import numpy as np
import pytest
from cleanlab.count import compute_confident_joint, get_confident_thresholds
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_normalized_margin_for_each_label, get_self_confidence_for_each_label

from platform.datasets.audit.labels.confidence import (
    SparseProbabilities,
    class_thresholds,
    confident_joint,
    is_confidently_wrong,
    normalised_margin,
    self_confidence,
)


@pytest.fixture(params=[3, 10, 32])
def case(request):
    classes = request.param
    random = np.random.default_rng(classes)
    labels = np.concatenate([np.arange(classes), random.integers(0, classes, 600)])
    logits = random.normal(size=(len(labels), classes)).astype(np.float32)
    logits[np.arange(len(labels)), labels] += 1.5
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return probabilities, labels


def test_self_confidence_and_margin_are_cleanlabs(case):
    probabilities, labels = case
    sparse = SparseProbabilities.of(probabilities)
    theirs = get_self_confidence_for_each_label(labels, probabilities)
    assert self_confidence(sparse, labels) == pytest.approx(theirs, abs=1e-6)
    theirs = get_normalized_margin_for_each_label(labels, probabilities)
    assert normalised_margin(sparse, labels) == pytest.approx(theirs, abs=1e-6)


def test_thresholds_and_the_confident_joint_are_cleanlabs(case):
    probabilities, labels = case
    sparse = SparseProbabilities.of(probabilities)
    assert class_thresholds(sparse, labels) == pytest.approx(
        get_confident_thresholds(labels, probabilities), abs=1e-6
    )
    theirs = compute_confident_joint(labels, probabilities, calibrate=False)
    mine = confident_joint(sparse, labels)
    off_diagonal = ~np.eye(len(mine), dtype=bool)
    assert np.array_equal(mine[off_diagonal], theirs[off_diagonal])
    assert (np.diag(theirs) >= np.diag(mine)).all()  # cleanlab lifts the diagonal to at least 1


def test_what_confident_learning_lists_is_what_cleanlab_lists(case):
    probabilities, labels = case
    theirs = find_label_issues(labels, probabilities, filter_by="confident_learning")
    mine = is_confidently_wrong(SparseProbabilities.of(probabilities), labels)
    assert np.array_equal(mine, theirs)


def test_of_many_classes_the_first_are_kept_and_the_rest_is_spread_evenly():
    probabilities = np.full((1, 50), 0.4 / 49)
    probabilities[0, 7] = 0.6
    sparse = SparseProbabilities.of(probabilities, kept=2)
    lost = [label for label in range(50) if label not in sparse.classes_NK[0]]
    assert sparse.of_labels(np.array([7])) == pytest.approx([0.6])
    assert sparse.of_labels(np.array(lost[:1])) == pytest.approx([0.4 / 49], rel=1e-3)
    assert sparse.best_other(np.array([7]))[1] == pytest.approx([0.4 / 49])


def test_other_classes_are_all_but_the_label_by_probability():
    sparse = SparseProbabilities.of(np.array([[0.1, 0.6, 0.3], [0.2, 0.3, 0.5]]))
    assert sparse.others(np.array([1, 0])).tolist() == [[2, 0], [2, 1]]
