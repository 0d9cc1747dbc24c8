"""What other seeds say of the best trials."""

import math

import numpy as np
import pytest
from scipy import stats

from platform.tracking.records import TrialRecord
from platform.tuning.goals import Goal
from reports.page.page import render
from reports.ranking.confirmation import confirmation
from reports.ranking.paired_bootstrap import bootstrap_interval
from reports.ranking.trials_table import trials_table


def repeat(of, nth, value, outcome="finished"):
    history = {"val/accuracy": [(1, 0.1), (2, value)]}
    name = f"{of}-seed-{nth}"
    return TrialRecord(f"run-{name}", name, 1, outcome, {}, {}, confirms=of, history=history)


def repeats(**values):
    return [
        repeat(of.strip("t"), nth, value)
        for of, found in values.items()
        for nth, value in enumerate(found, start=1)
    ]


def judged(trials, mode="max"):
    return confirmation(trials, [Goal("val/accuracy", mode)], "last")


def test_finalists_are_ordered_by_their_mean_with_its_standard_error():
    found = judged(repeats(t0007=[0.7, 0.8, 0.9], t0003=[0.90, 0.91, 0.92]))
    assert [one.trial for one in found.finalists] == ["0003", "0007"]
    assert found.finalists[1].mean == pytest.approx(0.8)
    assert found.finalists[1].standard_error == pytest.approx(0.1 / math.sqrt(3))
    assert str(found.finalists[1]) == "0.8000 ± 0.0577"


def test_a_difference_that_every_seed_shows_is_none_of_luck():
    found = judged(repeats(t0001=[0.80, 0.90, 0.85], t0002=[0.70, 0.81, 0.75]))
    two = found.comparison
    assert (two.first, two.second, two.pairs, two.is_tie) == ("0001", "0002", 3, False)
    assert two.low < two.difference < two.high and two.difference == pytest.approx(0.29 / 3)
    assert "is better than trial 0002 by +0.0967" in found.sentences("val/accuracy")[1]


def test_a_difference_that_changes_its_sign_between_seeds_is_a_tie():
    found = judged(repeats(t0001=[0.80, 0.90, 0.85], t0002=[0.81, 0.80, 0.86]))
    assert found.comparison.is_tie
    assert found.sentences("val/accuracy")[1].startswith("It is a tie with trial 0002: better by +0.0267")


def test_of_a_loss_the_least_is_first():
    found = judged(repeats(t0001=[0.5, 0.6], t0002=[0.3, 0.4]), "min")
    assert found.finalists[0].trial == "0002"
    assert found.comparison.difference == pytest.approx(0.2), "above zero: better"


def test_only_repeats_that_ran_to_their_end_count_and_pairs_are_of_the_same_seed():
    trials = [
        *repeats(t0001=[0.8, 0.9, 0.7], t0002=[0.6]),
        repeat("0002", 2, 0.99, "failed"),
        repeat("0002", 3, 0.5),
        repeat("0003", 1, 0.99, "interrupted"),
    ]
    found = judged(trials)
    assert [(one.trial, sorted(one.values), one.failed) for one in found.finalists] == [
        ("0001", [1, 2, 3], 0),
        ("0002", [1, 3], 1),
    ]
    assert found.comparison.pairs == 2 and found.comparison.difference == pytest.approx(0.2)


def test_without_two_pairs_there_is_no_comparison():
    found = judged(repeats(t0001=[0.8], t0002=[0.6]))
    assert found.comparison is None and math.isnan(found.finalists[0].standard_error)
    assert len(found.sentences("val/accuracy")) == 1
    assert judged([repeat("0001", 1, 0.5, "failed")]) is None


@pytest.mark.parametrize("count", [3, 5])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(count):
    samples = np.random.default_rng(1).normal(0.3, 1.0, size=(400, count))
    covered = [low <= 0.3 <= high for low, high in map(bootstrap_interval, samples)]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.03)


def test_of_many_differences_it_is_students_interval():
    values = np.random.default_rng(2).normal(0.1, 1.0, size=40)
    expected = stats.t.interval(0.95, 39, values.mean(), stats.sem(values))
    assert bootstrap_interval(values) == pytest.approx(expected, abs=0.02)
    assert bootstrap_interval(values) == bootstrap_interval(values)


def test_the_page_and_the_table_show_them_apart_from_the_ranking(make_contents):
    trials = repeats(t0000=[0.80, 0.90, 0.85], t0001=[0.81, 0.80, 0.86])
    contents = make_contents(repeats=trials, confirmation=judged(trials))
    page = render(contents).html
    assert 'id="confirmation"' in page and "It is a tie with trial 0001" in page
    assert 'id="confirmation"' not in render(make_contents()).html
    table = trials_table(contents.sweep, contents.ranking, "val/accuracy", contents.repeats)
    again = table[table["confirms"].notna()]
    assert len(table) == 18 and len(again) == 6 and again["rank"].isna().all()
    assert set(again["confirms"]) == {"0000", "0001"}
