"""FINE and the prototype margin, recomputed image by image."""

import numpy as np
import pytest

from platform.datasets.audit.labels.alignment import fine_alignment, prototype_margin


@pytest.fixture
def points():
    random = np.random.default_rng(0)
    points = random.normal(size=(40, 5)) + np.repeat(4 * np.eye(5)[:2], 20, axis=0)
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32), np.repeat([0, 1], 20)


def test_fine_is_the_squared_cosine_with_the_first_right_singular_vector(points):
    embeddings, labels = points
    expected = np.zeros(len(labels))
    for label in (0, 1):
        direction = np.linalg.svd(embeddings[labels == label].astype(np.float64))[2][0]
        expected[labels == label] = (embeddings[labels == label] @ direction) ** 2
    assert fine_alignment(embeddings, labels, 3) == pytest.approx(expected, abs=1e-5)


def test_the_own_prototype_is_without_the_image_itself(points):
    embeddings, labels = points
    for own in (0, 25):
        others = (labels == labels[own]) & (np.arange(len(labels)) != own)
        mine, theirs = (embeddings[which].mean(axis=0) for which in (others, labels != labels[own]))
        cosines = [embeddings[own] @ one / np.linalg.norm(one) for one in (mine, theirs)]
        assert prototype_margin(embeddings, labels, 3)[own] == pytest.approx(
            cosines[0] - cosines[1], abs=1e-5
        )


def test_an_image_alone_in_its_class_is_neither_suspect_nor_not():
    embeddings = np.eye(3, dtype=np.float32)
    assert prototype_margin(embeddings, np.array([0, 1, 1]), 2)[0] == 0
