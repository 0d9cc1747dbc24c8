"""Errors are planted where labels are presumably right, as near and on images as hard as real ones."""

import numpy as np
import pytest

from platform.datasets.audit.labels.probability.planted import Knowledge, copies_of, plant, ranks_of_errors


def knowledge(images, ranks, ease=None, clean=None):
    others = np.tile(np.array([[1, 2]], dtype=np.int32), (images, 1))
    ease = np.linspace(0, 1, images) if ease is None else ease
    is_clean = np.ones(images, dtype=bool) if clean is None else clean
    return Knowledge(is_clean, others, ease, np.array(ranks, dtype=float))


def test_each_planted_label_is_another_and_the_rest_stays():
    labels = np.zeros(2000, dtype=np.int64)
    planted = plant(labels, knowledge(2000, [1, 1, 1]), 5)
    changed = np.flatnonzero(planted.labels_N != labels)
    assert changed.tolist() == planted.rows_P.tolist()
    assert len(changed) == 80
    assert (labels == 0).all()


def test_ranks_decide_how_near_the_planted_class_is():
    labels = np.zeros(5000, dtype=np.int64)
    planted = plant(labels, knowledge(5000, [8, 2, 0]), 5)
    drawn = np.bincount(planted.labels_N[planted.rows_P], minlength=5)
    assert drawn[1] / drawn.sum() == pytest.approx(0.8, abs=0.1)
    assert drawn[3] + drawn[4] == 0
    assert planted.lookalike_P.sum() == drawn[1]


def test_hard_images_are_planted_as_often_as_there_are_some():
    random = np.random.default_rng(0)
    ease = random.uniform(size=20_000)
    is_clean = random.uniform(size=20_000) < ease  # hard images are rarely presumed clean
    planted = plant(np.zeros(20_000, dtype=np.int64), knowledge(20_000, [1, 0, 0], ease, is_clean), 3)
    assert is_clean[planted.rows_P].all()
    assert ease[planted.rows_P].mean() == pytest.approx(0.5, abs=0.06)
    assert ease[is_clean].mean() > 0.6


def test_ranks_of_surely_wrong_labels_are_counted():
    others = np.tile(np.array([[4, 7]], dtype=np.int32), (100, 1))
    labels = np.array([4] * 70 + [7] * 20 + [9] * 10)
    found = ranks_of_errors(others, labels, 11)
    assert found.argmax() == 0
    assert found == pytest.approx([70 + 5.5, 20 + 0.5, 10 + 4])


def test_few_images_get_several_copies():
    assert copies_of(1_000_000) == 1
    assert copies_of(2000) == 5


def test_nothing_is_planted_where_no_label_is_presumably_right():
    labels = np.zeros(100, dtype=np.int64)
    known = knowledge(100, [1, 1, 1], clean=np.zeros(100, dtype=bool))
    assert len(plant(labels, known, 3).rows_P) == 0
