from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from platform.tracking.records import TrialRecord
from reports.ranking.label_agreement import agreement
from reports.ranking.rank import rank_trials


def ranked(pairs, names=("val/accuracy", "val/clean_accuracy"), metric="val/accuracy"):
    """Trials of two epochs; in the second, better one, they have these accuracies."""
    trials = [
        TrialRecord(
            "run",
            f"{index:04d}",
            1,
            "finished",
            {},
            {},
            history={name: [(1, value - 1), (2, value)] for name, value in zip(names, pair, strict=True)},
        )
        for index, pair in enumerate(pairs)
    ]
    return rank_trials(trials, metric, "max")


def tau_b(pairs):
    """(concordant − discordant) / sqrt((n0 − ties of one) (n0 − ties of the other))."""
    signs = [(np.sign(a[0] - b[0]), np.sign(a[1] - b[1])) for a, b in combinations(pairs, 2)]
    untied = [sum(sign[at] != 0 for sign in signs) for at in (0, 1)]
    return sum(x * y for x, y in signs) / (untied[0] * untied[1]) ** 0.5


def test_tau_equals_its_formula_over_all_pairs_of_trials():
    rng = np.random.default_rng(0)
    pairs = [tuple(pair) for pair in rng.integers(0, 8, (20, 2)) / 10]
    found = agreement(ranked(pairs))
    assert found.tau == pytest.approx(tau_b(pairs))
    assert found.trials == 20


def test_it_says_where_the_noisy_labels_best_stands_by_the_clean_ones():
    found = agreement(ranked([(0.5, 0.7), (0.4, 0.9), (0.3, 0.8), (0.2, 0.1)]))
    assert (found.place, found.lost) == (3, pytest.approx(0.2))
    assert "number 3 by the clean ones, 0.2000 below their best." in str(found)
    best = agreement(ranked([(0.5, 0.9), (0.4, 0.8), (0.3, 0.85)]))
    assert str(best).endswith("the best by the noisy labels is the best by the clean ones.")


def test_where_clean_labels_select_the_given_ones_are_the_noisy():
    pairs = [(0.9, 0.3), (0.8, 0.5), (0.7, 0.4), (0.6, 0.2)]
    found = agreement(ranked(pairs, names=("val/accuracy", "val/given_accuracy")))
    assert found.tau == pytest.approx(tau_b(pairs))
    assert (found.place, found.lost) == (2, pytest.approx(0.1))


@pytest.mark.parametrize(
    "pairs",
    [
        [(0.5, 0.7), (0.4, 0.9)],
        [(0.5, 0.5), (0.4, 0.4), (0.3, 0.3)],
        [(0.5, 0.7), (0.4, 0.7), (0.3, 0.7)],
        [(0.5, 0.7), (0.4, 0.6), (0.3, float("nan"))],
    ],
    ids=["too few", "no noise", "all the same", "too few that are known"],
)
def test_nothing_is_said_where_two_rankings_cannot_be_compared(pairs):
    assert agreement(ranked(pairs)) is None


def test_nothing_is_said_without_clean_labels():
    ranking = ranked([(0.5, 0.7), (0.4, 0.9), (0.3, 0.8)])
    known = [
        replace(one, trial=replace(one.trial, history={"val/accuracy": one.trial.history["val/accuracy"]}))
        for one in ranking
    ]
    assert agreement(known) is None
