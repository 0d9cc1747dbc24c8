"""Evaluation by retrieval, against two plain loops."""

import numpy as np
import pytest

from platform.training.evaluation.retrieval import Embedded, combine, nearest, retrieval_metrics

EAST, SOUTH_EAST, NORTH = [1.0, 0.0], [1.0, -1.0], [0.0, 1.0]


def images(embeddings, identities, cameras):
    return Embedded(np.array(embeddings, np.float32), np.array(identities), np.array(cameras))


def random_images(count, *, seed, dimensions=8, identities=6, cameras=3, coarse=False):
    random = np.random.default_rng(seed)
    embeddings = random.standard_normal((count, dimensions), dtype=np.float32)
    if coarse:  # few directions: many images are equally similar
        embeddings = np.sign(embeddings)
    return Embedded(embeddings, random.integers(-1, identities, count), random.integers(0, cameras, count))


def ranking(embedding_D, gallery, is_candidate_G):
    """Places of the candidates, the most similar first, ties by place."""
    similarity = {}
    for place, other_D in enumerate(gallery.embeddings.astype(np.float64)):
        if is_candidate_G[place]:
            cosine = embedding_D @ other_D / np.linalg.norm(embedding_D) / np.linalg.norm(other_D)
            similarity[place] = round(float(cosine) * 2**30)
    return sorted(similarity, key=lambda place: (-similarity[place], place))


def area_under_precision_and_recall(is_right):
    """By the trapezoidal rule, a step of recall at a time, from precision 1."""
    area, right, precision_before = 0.0, 0, 1.0
    for rank, one in enumerate(is_right, start=1):
        right += one
        precision = right / rank
        area += one / sum(is_right) * (precision_before + precision) / 2
        precision_before = precision
    return area


def double_loop(query, gallery):
    first_ranks, areas, unmatched = [], [], 0
    for number, embedding_D in enumerate(query.embeddings.astype(np.float64)):
        identity, camera = query.identities[number], query.cameras[number]
        is_candidate_G = [
            of_gallery != -1 and not (of_gallery == identity and by == camera)
            for of_gallery, by in zip(gallery.identities, gallery.cameras, strict=True)
        ]
        places = ranking(embedding_D, gallery, is_candidate_G)
        is_right = [bool(gallery.identities[place] == identity) for place in places]
        if not any(is_right):
            unmatched += 1
            continue
        first_ranks.append(is_right.index(True) + 1)
        areas.append(area_under_precision_and_recall(is_right))
    shares = {
        name: np.mean([first <= rank for first in first_ranks])
        for name, rank in (("recall_at_1", 1), ("rank_5", 5), ("rank_10", 10))
    }
    return shares | {"map": np.mean(areas), "unmatched_queries": unmatched}


@pytest.mark.parametrize("coarse", [False, True], ids=["", "with ties"])
@pytest.mark.parametrize("block", [1, 7, 1000])
@pytest.mark.parametrize("seed", range(3))
def test_metrics_equal_two_plain_loops(seed, block, coarse):
    query = random_images(20, seed=seed, identities=8, coarse=coarse)
    gallery = random_images(60, seed=seed + 100, coarse=coarse)
    expected = double_loop(query, gallery)
    assert 0 < expected["unmatched_queries"] < 20
    assert retrieval_metrics(query, gallery, block=block) == pytest.approx(expected, abs=1e-12)


def test_average_precision_is_the_trapezoidal_one():
    query = images([EAST], [1], [0])
    gallery = images([SOUTH_EAST, EAST, NORTH], [1, 2, 1], [1, 1, 1])  # matches at ranks 2 and 3
    found = retrieval_metrics(query, gallery)
    assert found["map"] == pytest.approx(((0 / 1 + 1 / 2) / 2 + (1 / 2 + 2 / 3) / 2) / 2)
    assert (found["recall_at_1"], found["rank_5"], found["rank_10"]) == (0, 1, 1)


def test_the_same_image_by_the_same_camera_is_no_match():
    query = images([EAST], [1], [0])
    gallery = images([EAST, EAST, SOUTH_EAST], [1, -1, 1], [0, 1, 1])
    assert retrieval_metrics(query, gallery) == {
        "recall_at_1": 1.0,
        "rank_5": 1.0,
        "rank_10": 1.0,
        "map": 1.0,
        "unmatched_queries": 0.0,
    }


def test_a_distractor_is_wrong_for_every_query():
    query = images([EAST], [1], [0])
    gallery = images([EAST, SOUTH_EAST], [0, 1], [0, 1])
    assert retrieval_metrics(query, gallery)["recall_at_1"] == 0


def test_a_query_whose_matches_are_all_by_its_own_camera_is_counted_and_left_out():
    query = images([EAST, NORTH], [1, 2], [0, 0])
    gallery = images([EAST, NORTH], [1, 2], [1, 0])
    found = retrieval_metrics(query, gallery)
    assert found["unmatched_queries"] == 1
    assert found["recall_at_1"] == 1


@pytest.mark.parametrize("length", [1, 3, 1e-3])
def test_images_that_are_equally_similar_come_in_the_gallerys_order(length):
    query = images([EAST], [1], [0])
    same = [EAST, [length, 0.0]]
    assert retrieval_metrics(query, images(same, [1, 2], [1, 1]))["recall_at_1"] == 1
    assert retrieval_metrics(query, images(same, [2, 1], [1, 1]))["recall_at_1"] == 0


def test_networks_that_embed_all_images_alike_are_ranked_by_place_alone():
    gallery = images([EAST] * 50, np.arange(50) % 10, np.ones(50, int))
    found = retrieval_metrics(images([EAST] * 10, np.arange(10), np.zeros(10, int)), gallery)
    assert (found["recall_at_1"], found["rank_5"], found["rank_10"]) == pytest.approx((0.1, 0.5, 1.0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[0.0, 0.0], EAST], [1, 2], [0, 0]), "finite and not 0, but 1 of 2 are not"),
        (([[np.nan, 0.0]], [1], [0]), "finite and not 0, but 1 of 1 are not"),
        (([EAST], [1, 2], [0]), r"identities must be int64 of shape \(1,\), got int64 of \(2,\)"),
        (([EAST], [1], [0.0]), r"cameras must be int64 of shape \(1,\), got float64"),
        (([], [], []), r"embeddings must be \[images, dimensions\], got \(0,\)"),
    ],
)
def test_what_cannot_be_ranked_is_one_line(arguments, message):
    with pytest.raises(ValueError, match=message) as raised:
        images(*arguments)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("gallery", "block", "message"),
    [
        (images([[1.0, 0.0, 0.0]], [1], [1]), 1, r"as many dimensions, got \(2, 3\)"),
        (images([EAST], [1], [1]), 0, "block must be at least 1, got 0"),
        (images([EAST], [1], [0]), 1, "no query has an image of its identity by another camera"),
        (images([EAST], [-1], [1]), 1, "no query has an image of its identity by another camera"),
    ],
)
def test_what_does_not_fit_together_is_one_line(gallery, block, message):
    with pytest.raises(ValueError, match=message):
        retrieval_metrics(images([EAST], [1], [0]), gallery, block=block)


def test_the_mean_counts_each_embedding_alike():
    found = combine([np.array([[2.0, 0.0]], np.float32), np.array([[0.0, 0.1]], np.float32)], "mean")
    assert found.dtype == np.float32
    assert found == pytest.approx(np.array([[0.5, 0.5]]))


def test_a_concatenations_similarity_is_the_mean_of_its_parts():
    one, other = (random_images(5, seed=seed, dimensions=3 + seed).embeddings for seed in (0, 1))

    def similarity(embeddings_ND):
        unit_ND = embeddings_ND / np.linalg.norm(embeddings_ND, axis=1, keepdims=True)
        return unit_ND @ unit_ND.T

    both = combine([one, other], "concatenation")
    assert both.shape == (5, 7)
    assert similarity(both) == pytest.approx((similarity(one) + similarity(other)) / 2, abs=1e-6)


@pytest.mark.parametrize(
    ("shapes", "how"),
    [
        ([(2, 3), (2, 4)], "mean"),
        ([(2, 3), (1, 3)], "mean"),
        ([(2, 3), (1, 3)], "concatenation"),
        ([(2,), (2,)], "concatenation"),
        ([], "mean"),
    ],
)
def test_embeddings_of_other_images_are_not_combined(shapes, how):
    with pytest.raises(ValueError, match=f"do not fit together for {how}: their shapes are"):
        combine([np.ones(shape, np.float32) for shape in shapes], how)


@pytest.mark.parametrize("coarse", [False, True])
@pytest.mark.parametrize(("count", "block"), [(1, 1), (4, 7), (11, 128), (50, 5)])
def test_the_nearest_are_those_that_a_plain_loop_finds_ties_by_place(count, block, coarse):
    seen = random_images(12, seed=5, dimensions=3, coarse=coarse)
    places_NK, similarities_NK = nearest(seen.embeddings, count, block=block)
    assert places_NK.shape == similarities_NK.shape == (12, min(count, 11))
    for place, embedding_D in enumerate(seen.embeddings.astype(np.float64)):
        others = ranking(embedding_D, seen, np.arange(12) != place)
        assert places_NK[place].tolist() == others[:count]
        unit = [one / np.linalg.norm(one) for one in (embedding_D, seen.embeddings[others[0]])]
        assert similarities_NK[place, 0] == pytest.approx(float(unit[0] @ unit[1]))


def test_one_image_alone_has_nothing_near_it():
    places_NK, similarities_NK = nearest(np.ones((1, 2), np.float32), 3)
    assert places_NK.shape == similarities_NK.shape == (1, 0)
