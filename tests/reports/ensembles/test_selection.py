"""Members are chosen on validation alone, and a rule that learns is judged on what it did not see."""

from itertools import combinations

import numpy as np
import pytest

from reports.ensembles.rules import logits_of, rules
from reports.ensembles.selection import Bounds, Ensemble, Judgement, contributions, grow, taught, tempered

LABELS = np.arange(60) % 3
MEAN = rules()["mean_probability"]


def accuracy(probabilities_NC):
    return {"val/accuracy": float((probabilities_NC.argmax(1) == LABELS).mean()), "val/loss": 1.0}


def at_most(members, *, ms=None, of=4):
    """Bounds of candidates that take 1 ms, 2 ms, 3 ms … an image."""
    return Bounds(members, ms, tuple(map(float, range(1, of + 1))))


JUDGE = Judgement(LABELS, accuracy, "val/accuracy", "max")


def members(*right):
    """Logits of members right on the given share of samples, each on others, with probability 0.6."""
    rng = np.random.default_rng(0)
    all_members = []
    for share in right:
        said = np.where(rng.random(60) < share, LABELS, (LABELS + rng.integers(1, 3, 60)) % 3)
        all_members.append(0.2 + 0.4 * np.eye(3)[said])
    return logits_of(np.stack(all_members).astype(np.float32))


def test_one_ensemble_a_size_and_each_holds_the_one_before():
    grown = grow(MEAN, members(0.8, 0.7, 0.7, 0.6), JUDGE, at_most(8))
    assert [len(ensemble.members) for ensemble in grown] == [2, 3, 4]
    assert all(ensemble.members[0] == 0 for ensemble in grown)
    assert grown[1].members[:2] == grown[0].members
    assert grown[2].members[:3] == grown[1].members
    assert [len(one.members) for one in grow(MEAN, members(0.8, 0.7, 0.7, 0.6), JUDGE, at_most(3))] == [2, 3]


def test_bounds_on_members_and_on_their_time_hold():
    logits_KNC = members(0.8, 0.7, 0.7, 0.6)
    for one in grow(MEAN, logits_KNC, JUDGE, at_most(8, ms=5)):
        assert sum(place + 1 for place in one.members) <= 5
    assert grow(MEAN, logits_KNC, JUDGE, at_most(8, ms=2)) == []
    assert at_most(2).highest_ranked() == (0, 1)
    assert at_most(8, ms=5).highest_ranked() == (0, 1)
    assert Bounds(8, 4.0, (3.0, 5.0, 1.0)).highest_ranked() == (0, 2)


def test_the_member_added_is_the_one_that_helps_most():
    logits_KNC = members(0.8, 0.5, 0.75, 0.6)
    first = grow(MEAN, logits_KNC, JUDGE, at_most(8))[0]
    pairs = {
        pair: accuracy(MEAN.combine(logits_KNC[list(pair)]))["val/accuracy"]
        for pair in combinations(range(4), 2)
        if pair[0] == 0
    }
    assert first.metrics["val/accuracy"] == max(pairs.values())
    assert pairs[first.members] == max(pairs.values())


def test_a_single_candidate_makes_no_ensemble():
    assert grow(MEAN, members(0.9), JUDGE, at_most(8, of=1)) == []


def test_of_equals_the_first_is_best_and_a_loss_is_minimised():
    small = Ensemble("vote", (0, 1), {"val/accuracy": 0.9, "val/loss": 0.3})
    large = Ensemble("vote", (0, 1, 2), {"val/accuracy": 0.9, "val/loss": 0.2})
    assert JUDGE.best_of([small, large]) is small
    assert Judgement(LABELS, accuracy, "val/loss", "min").best_of([small, large]) is large


def test_a_rule_that_learns_drops_members_without_weight():
    logits_KNC = members(0.9, 0.8, 0.33)
    found, judged_NC = taught(rules()["greedy"], logits_KNC, JUDGE, (0, 1, 2))
    assert 2 not in found.members and len(found.learnt["weights_M"]) == len(found.members)
    assert found.learnt["weights_M"].sum() == pytest.approx(1)
    assert found.metrics == accuracy(judged_NC)
    combined_NC = found.combine(logits_KNC[list(found.members)])
    assert combined_NC.shape == (60, 3)


def test_what_each_member_adds_is_what_is_lost_without_it():
    logits_KNC = members(0.8, 0.7, 0.75)
    whole = JUDGE.scored(MEAN, (0, 1, 2), logits_KNC)
    added = contributions(whole, logits_KNC, JUDGE)
    for left, value in enumerate(added):
        others = [place for place in range(3) if place != left]
        lost = accuracy(MEAN.combine(logits_KNC[others]))["val/accuracy"]
        assert value == pytest.approx(whole.metrics["val/accuracy"] - lost)
    assert contributions(Ensemble("vote", (0,), {}), logits_KNC, JUDGE) == ()


def test_a_temperature_above_one_makes_less_sure():
    sure_NC = np.array([[0.9, 0.1], [1.0, 0.0]], dtype=np.float32)
    assert tempered(sure_NC, 1.0) is sure_NC
    cooler_NC = tempered(sure_NC, 2.0)
    np.testing.assert_allclose(cooler_NC[0], [0.75, 0.25], rtol=1e-5)
    assert cooler_NC[1, 0] > 0.999
