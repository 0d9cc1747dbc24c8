from itertools import combinations

import numpy as np

from reports.ensemble import mean_probability
from reports.selection import Ensemble, best_of, grow

LABELS = np.arange(60) % 3


def accuracy(probabilities_NC):
    return {"val/accuracy": float((probabilities_NC.argmax(1) == LABELS).mean()), "val/loss": 1.0}


def members(*right):
    """Members that are right, with probability 0.6, on the given share of samples, each on others."""
    rng = np.random.default_rng(0)
    all_members = []
    for share in right:
        said = np.where(rng.random(60) < share, LABELS, (LABELS + rng.integers(1, 3, 60)) % 3)
        all_members.append(0.2 + 0.4 * np.eye(3)[said])
    return np.stack(all_members).astype(np.float32)


def test_one_ensemble_a_size_and_each_holds_the_one_before():
    grown = grow(
        "mean", mean_probability.combine, members(0.8, 0.7, 0.7, 0.6), accuracy, "val/accuracy", "max"
    )
    assert [len(ensemble.members) for ensemble in grown] == [2, 3, 4]
    assert all(ensemble.members[0] == 0 for ensemble in grown)
    assert grown[1].members[:2] == grown[0].members
    assert grown[2].members[:3] == grown[1].members


def test_the_member_added_is_the_one_that_helps_most():
    probabilities_KNC = members(0.8, 0.5, 0.75, 0.6)
    first = grow("mean", mean_probability.combine, probabilities_KNC, accuracy, "val/accuracy", "max")[0]
    pairs = {
        pair: accuracy(probabilities_KNC[list(pair)].mean(0))["val/accuracy"]
        for pair in combinations(range(4), 2)
        if pair[0] == 0
    }
    assert first.metrics["val/accuracy"] == max(pairs.values())
    assert pairs[first.members] == max(pairs.values())


def test_a_single_candidate_makes_no_ensemble():
    assert grow("mean", mean_probability.combine, members(0.9), accuracy, "val/accuracy", "max") == []


def test_of_equals_the_first_is_best_and_a_loss_is_minimised():
    small = Ensemble("vote", (0, 1), {"val/accuracy": 0.9, "val/loss": 0.3})
    large = Ensemble("vote", (0, 1, 2), {"val/accuracy": 0.9, "val/loss": 0.2})
    assert best_of([small, large], "val/accuracy", "max") is small
    assert best_of([small, large], "val/loss", "min") is large
