"""Inverted lists against the products of all with all."""

import numpy as np

from platform.datasets.audit.copies.comparing import nearest
from platform.datasets.audit.copies.comparing.nearest import Index


def clouds(count: int, dimensions: int = 16) -> np.ndarray:
    """Unit vectors around a tenth as many centres."""
    random = np.random.default_rng(0)
    centres = random.standard_normal((max(count // 10, 1), dimensions))
    found = centres[np.arange(count) % len(centres)] + 0.2 * random.standard_normal((count, dimensions))
    unit: np.ndarray = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)
    return unit


def exact(vectors: np.ndarray, queries: np.ndarray, least: float, most: int) -> list[list[int]]:
    found = []
    for query in queries:
        cosine = vectors @ query
        order = [place for place in np.argsort(-cosine, kind="stable") if cosine[place] >= least]
        found.append([int(place) for place in order[:most]])
    return found


def answers(index: Index, queries: np.ndarray, least: float, most: int) -> list[list[int]]:
    near = index.near(queries, least, most)
    return [near.view[near.query == query].tolist() for query in range(len(queries))]


def test_few_vectors_are_all_compared():
    vectors = clouds(600)
    index = Index(vectors)
    assert answers(index, vectors[:50], 0.8, 4) == exact(vectors, vectors[:50], 0.8, 4)
    assert index.set_recall(vectors, 0.8, 4) == 1.0


def test_inverted_lists_find_what_they_say(monkeypatch):
    monkeypatch.setattr(nearest, "EXACT_UP_TO", 100)
    vectors = clouds(3000)
    index = Index(vectors)
    assert len(index.centres_LD) > 16
    recall = index.set_recall(vectors, 0.7, 6)
    found, wanted = answers(index, vectors, 0.7, 6), exact(vectors, vectors, 0.7, 6)
    share = sum(len(set(a) & set(b)) for a, b in zip(found, wanted, strict=True)) / sum(map(len, wanted))
    assert recall >= nearest.LEAST_RECALL
    assert abs(share - recall) < 0.05


def test_more_lists_are_looked_into_until_the_recall_is_enough(monkeypatch):
    monkeypatch.setattr(nearest, "EXACT_UP_TO", 100)
    random = np.random.default_rng(1)
    vectors = random.standard_normal((2000, 24)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    index = Index(vectors)
    before = index.probes
    assert index.set_recall(vectors, 0.3, 10) >= nearest.LEAST_RECALL
    assert index.probes > before
