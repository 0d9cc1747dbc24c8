"""Neighbours: exact ones as an explicit loop finds them, and through lists with the recall that is said."""

import faiss
import numpy as np
import pytest

from platform.datasets.audit.labels.neighbours import ENOUGH, nearest


def unit(images, dimensions, groups=0):
    random = np.random.default_rng(1)
    points = random.normal(size=(images, dimensions))
    if groups:
        points += 3 * random.normal(size=(groups, dimensions))[random.integers(groups, size=images)]
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def test_all_pairs_are_compared_up_to_a_bound():
    points = unit(150, 6)
    found = nearest(points, 4)
    for own, (places, cosines) in enumerate(zip(found.places_NK, found.cosines_NK, strict=True)):
        products = points @ points[own]
        products[own] = -2
        assert places.tolist() == np.argsort(-products, kind="stable")[:4].tolist()
        assert cosines == pytest.approx(np.sort(products)[::-1][:4], abs=1e-5)
    assert found.recall == 1


def test_few_images_have_few_neighbours():
    assert nearest(unit(3, 4), 10).places_NK.shape == (3, 2)
    assert nearest(unit(1, 4), 10).places_NK.shape == (1, 0)


WITH_FAISS = pytest.mark.parametrize("with_faiss", [False, True])


@WITH_FAISS
def test_lists_find_what_faiss_finds_exactly_with_the_recall_that_is_said(with_faiss):
    points = unit(6000, 16, groups=40)
    found = nearest(points, 10, exact_up_to=1000, probes=2, with_faiss=with_faiss)
    assert found.by == ("inverted lists of faiss" if with_faiss else "inverted lists")
    index = faiss.IndexFlatIP(points.shape[1])
    index.add(points)
    _, exact = index.search(points, 11)
    hits = [
        len(set(mine) & set(theirs[1:])) / 10 for mine, theirs in zip(found.places_NK, exact, strict=True)
    ]
    assert np.mean(hits) == pytest.approx(found.recall, abs=0.02)
    assert found.recall >= ENOUGH
    assert (found.places_NK != np.arange(len(points))[:, None]).all()
    products = (points[:, None] * points[found.places_NK]).sum(axis=2)
    assert found.cosines_NK == pytest.approx(products, abs=1e-5)


@WITH_FAISS
def test_probes_are_doubled_until_enough_is_found(with_faiss):
    points = unit(4000, 24)  # without groups, so that lists say little
    assert nearest(points, 10, exact_up_to=1000, probes=1, with_faiss=with_faiss).probes > 1


@WITH_FAISS
def test_the_same_images_have_the_same_neighbours(with_faiss):
    points = unit(3000, 16, groups=20)
    first, second = (nearest(points, 5, exact_up_to=500, with_faiss=with_faiss) for _ in range(2))
    assert np.array_equal(first.places_NK, second.places_NK)
    assert np.array_equal(first.cosines_NK, second.cosines_NK)


def test_copies_of_one_picture_are_neighbours_and_never_their_own():
    points = np.repeat(unit(40, 8), 60, axis=0)  # faiss may list an image itself anywhere among its equals
    places = nearest(points, 5, exact_up_to=100, probes=64, with_faiss=True).places_NK
    assert (places != np.arange(len(points))[:, None]).all()
    assert (places // 60 == np.arange(len(points))[:, None] // 60).all()
