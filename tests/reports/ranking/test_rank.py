import math

import pytest

from platform.tracking.records import TrialRecord
from reports.ranking.rank import parameter, rank_trials, searched_names, table_rows


def trial(trial_id, values, outcome="finished", **searched):
    history = {"val/accuracy": list(enumerate(values, start=1))}
    return TrialRecord(f"run-{trial_id}", trial_id, 1, outcome, searched, {}, history=history)


SWEEP = [
    trial("spike", [0.1, 0.9, 0.2, 0.3]),
    trial("steady", [0.5, 0.6, 0.7, 0.75]),
    trial("early", [0.4], "pruned"),
    trial("broken", [0.95], "failed"),
    trial("silent", []),
]


def ids(ranking):
    return [one.trial.trial_id for one in ranking]


def test_the_best_epoch_ranks_by_default_and_the_other_statistics_are_there():
    ranking = rank_trials(SWEEP, "val/accuracy", "max")
    assert ids(ranking) == ["spike", "steady", "early"]
    spike = ranking[0]
    assert (spike.rank, spike.best, spike.best_epoch, spike.last, spike.epochs) == (1, 0.9, 2, 0.3, 4)
    assert spike.mean_of_last_3 == pytest.approx((0.9 + 0.2 + 0.3) / 3)


@pytest.mark.parametrize(
    ("statistic", "expected"),
    [("last", ["steady", "early", "spike"]), ("mean_last_3", ["steady", "spike", "early"])],
)
def test_other_statistics_can_rank(statistic, expected):
    assert ids(rank_trials(SWEEP, "val/accuracy", "max", statistic)) == expected


def test_a_metric_to_minimise_ranks_the_smallest_first():
    ranking = rank_trials(SWEEP, "val/accuracy", "min")
    assert ids(ranking) == ["spike", "early", "steady"]
    assert (ranking[0].best, ranking[0].best_epoch) == (0.1, 1)


def test_values_that_are_no_numbers_are_never_the_best():
    values = [0.2, math.nan, math.inf]
    [one] = rank_trials([trial("t", values)], "val/accuracy", "max")
    assert (one.best, one.best_epoch, one.last) == (0.2, 1, math.inf)
    assert rank_trials([trial("t", [math.nan])], "val/accuracy", "max") == []


def test_trials_whose_last_value_is_no_number_come_last_by_it():
    sweep = [trial("nan", [0.9, math.nan]), trial("low", [0.1, 0.1])]
    assert ids(rank_trials(sweep, "val/accuracy", "max", "last")) == ["low", "nan"]
    assert ids(rank_trials(sweep, "val/accuracy", "min", "last")) == ["low", "nan"]


def test_ties_stay_in_the_order_of_starting():
    sweep = [trial("first", [0.5]), trial("second", [0.5]), trial("third", [0.5])]
    assert ids(rank_trials(sweep, "val/accuracy", "max")) == ["first", "second", "third"]
    assert ids(rank_trials(sweep, "val/accuracy", "min")) == ["first", "second", "third"]


def test_rows_for_a_table_hold_every_searched_parameter():
    sweep = [trial("a", [0.5], **{"optim.lr": 0.0123456, "ema": None}), trial("b", [0.4], nesterov=True)]
    ranking = rank_trials(sweep, "val/accuracy", "max")
    assert searched_names(ranking) == ["ema", "nesterov", "optim.lr"]
    first, second = table_rows(ranking, "val/accuracy")
    assert list(first) == list(second)
    assert (first["#"], first["trial"], first["val/accuracy"], first["outcome"]) == (
        "1",
        "a",
        "0.5000",
        "finished",
    )
    assert (first["optim.lr"], first["ema"], first["nesterov"]) == ("0.01235", "null", "")
    assert second["nesterov"] == "true"
    assert len(table_rows(ranking, "val/accuracy", top=1)) == 1


def test_parameters_are_shown_as_the_yaml_writes_them():
    assert [parameter(value) for value in (True, None, 3, "sgd", 1e-5)] == [
        "true",
        "null",
        "3",
        "sgd",
        "1e-05",
    ]


def test_of_equal_epochs_the_last_is_the_best_as_its_checkpoint_is_kept():
    [ranked] = rank_trials([trial("level", [0.2, 0.7, 0.7, 0.5])], "val/accuracy", "max")
    assert (ranked.best, ranked.best_epoch) == (0.7, 3)
