"""Ensembles of embeddings: what their similarity is, how members are chosen, and how sure a gain is."""

import itertools

import numpy as np
import pytest
import torch

from platform.training.evaluation.retrieval import Embedded, Found, find
from reports.ensembles.embedding_ensembles import concatenated, contributions, gain, grow, weighted
from reports.ensembles.selection import Bounds, Judgement

IMAGES, HALF = 40, 20


def cosines(embeddings_ND):
    unit_ND = embeddings_ND.astype(np.float64)
    unit_ND /= np.linalg.norm(unit_ND, axis=1, keepdims=True)
    return unit_ND @ unit_ND.T


@pytest.fixture
def members():
    """Five embeddings of the same images, of ten identities, each with noise of its own, worse and worse."""
    random = np.random.default_rng(3)
    signal_ND = random.standard_normal((10, 6))[np.arange(IMAGES) % 10]
    return [
        (signal_ND + (0.8 + 0.3 * place) * random.standard_normal((IMAGES, 6))).astype(np.float32)
        for place in range(5)
    ]


@pytest.fixture
def judge():
    return Judgement(
        np.empty(0, np.int64), lambda one_ND: {"val/map": mean_precision(one_ND)}, "val/map", "max"
    )


def results(embeddings_ND):
    identities, cameras = np.arange(IMAGES) % 10, np.arange(IMAGES) // 10
    query, gallery = (
        Embedded(embeddings_ND[part], identities[part], cameras[part])
        for part in (slice(HALF), slice(HALF, None))
    )
    return find(query, gallery)


def mean_precision(embeddings_ND):
    return results(embeddings_ND).precision_Q.mean().item()


@pytest.mark.parametrize("weights", [None, [0.5, 0.2, 0.3]])
def test_the_similarity_is_the_weighted_mean_of_the_members(members, weights):
    learnt = {} if weights is None else {"weights_M": np.array(weights)}
    combined_ND = concatenated(members[:3], learnt)
    expected = sum(
        weight * cosines(one) for weight, one in zip(weights or [1 / 3] * 3, members[:3], strict=True)
    )
    assert combined_ND.dtype == np.float32
    np.testing.assert_allclose(cosines(combined_ND), expected, atol=1e-6)


def test_each_size_takes_in_the_member_that_helps_most(members, judge):
    grown = grow(members, judge, Bounds(4, None, (1.0,) * 5))
    assert [len(one.members) for one in grown] == [2, 3, 4]
    chosen: tuple[int, ...] = (0,)
    for one in grown:
        values = {
            place: mean_precision(concatenated([members[taken] for taken in (*chosen, place)], {}))
            for place in range(5)
            if place not in chosen
        }
        best = max(values, key=lambda place: (values[place], -place))
        chosen = (*chosen, best)
        assert one.members == chosen
        assert one.metrics["val/map"] == pytest.approx(values[best])


@pytest.mark.parametrize("bounds", [Bounds(1, None, (1.0,) * 5), Bounds(5, 1.5, (1.0,) * 5)])
def test_bounds_that_leave_no_room_for_a_second_leave_no_ensemble(members, judge, bounds):
    assert grow(members, judge, bounds) == []


def test_weights_are_shares_of_what_was_taken_and_better_than_equal_ones(members, judge):
    bounds = Bounds(3, None, (1.0,) * 5)
    found = 0
    for order in itertools.islice(itertools.permutations(members), 0, 120, 12):
        best = judge.best_of(grow(order, judge, bounds))
        uneven = weighted(best, order, judge, bounds)
        if uneven is None:
            continue
        found += 1
        weights_M = uneven.learnt["weights_M"]
        assert uneven.metrics["val/map"] > best.metrics["val/map"]
        assert len(set(uneven.members)) == len(uneven.members) == len(weights_M) <= 3
        assert weights_M.sum() == pytest.approx(1) and (weights_M > 0).all()
        again_ND = concatenated([order[place] for place in uneven.members], uneven.learnt)
        assert mean_precision(again_ND) == pytest.approx(uneven.metrics["val/map"])
    assert found > 0


def test_where_every_member_is_the_same_no_weights_help(members, judge):
    same = [members[0]] * 3
    bounds = Bounds(3, None, (1.0,) * 3)
    assert weighted(judge.best_of(grow(same, judge, bounds)), same, judge, bounds) is None


def test_what_a_member_adds_is_what_is_lost_without_it(members, judge):
    [_, trio] = grow(members, judge, Bounds(3, None, (1.0,) * 5))
    without_last = concatenated([members[place] for place in trio.members[:2]], {})
    adds = contributions(trio, members, judge)
    assert adds[2] == pytest.approx(trio.metrics["val/map"] - mean_precision(without_last))


@pytest.mark.parametrize("metric", ["val/map", "val/recall_at_1", "val/rank_5"])
def test_a_gain_is_the_mean_over_queries_with_its_interval(members, metric):
    better, worse = results(concatenated(members, {})), results(members[4])
    found = gain(metric, better, worse)
    name = metric.removeprefix("val/")
    assert found.difference == pytest.approx(better.metrics()[name] - worse.metrics()[name])
    assert found.low < found.difference < found.high
    same = gain(metric, worse, worse)
    assert (same.difference, same.low, same.high) == (0, 0, 0)


def test_of_one_query_no_interval_is_told():
    one = Found(torch.tensor([1]), torch.tensor([1.0], dtype=torch.float64), 0)
    assert gain("val/map", one, one) is None
