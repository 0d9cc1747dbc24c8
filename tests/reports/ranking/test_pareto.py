"""Trials of several goals: their standing, and how far noise lets it be said."""

import math

import pandas as pd
import pytest

from platform.datasets.data_config import DataConfig
from platform.tracking.records import TrialRecord
from platform.tuning.goals import Goal
from reports.ranking.pareto import pareto
from reports.ranking.rank import rank_trials
from reports.ranking.standard_error import samples_of, standard_error

GOALS = (Goal("val/accuracy", "max"), Goal("time/images_per_s", "max"))
SAMPLES = {"val/accuracy": 400.0}


def trial(name, accuracy, speed, outcome="finished", epochs=5):
    history = {"val/accuracy": [(epoch, accuracy * epoch / epochs) for epoch in range(1, epochs + 1)]}
    if speed is not None:
        steps = range(1, epochs + 1)
        history["time/images_per_s"] = [(epoch, speed * (1 + 0.01 * (epoch % 3 - 1))) for epoch in steps]
    return TrialRecord(f"run-{name}", name, 1, outcome, {"optim.lr": 0.1}, {}, history=history)


def judged(*trials, samples=SAMPLES):
    ranking = rank_trials(trials, "val/accuracy", "max")
    return pareto(ranking, GOALS, "best", samples)


def standings(found):
    return {trial: place.standing for trial, place in found.places.items()}


def test_the_front_comes_first_and_then_who_is_beaten_each_by_the_first_goal():
    ranking, found = judged(
        trial("slow", 0.90, 1000.0),
        trial("worse", 0.60, 900.0),
        trial("fast", 0.50, 4000.0),
        trial("between", 0.75, 2000.0),
        trial("failed", 0.99, 9000.0, "failed"),
        trial("no speed", 0.95, None),
    )
    order = ["slow", "between", "fast", "worse", "no speed"]
    assert [(one.rank, one.trial.trial_id) for one in ranking] == list(enumerate(order, start=1))
    assert list(found.places) == order
    assert standings(found) == {
        "slow": "on the front",
        "between": "on the front",
        "fast": "on the front",
        "worse": "beaten by slow",
        "no speed": "not measured in every goal",
    }
    assert [one.trial.trial_id for one in found.finalists(ranking, 2)] == ["slow", "fast"]
    assert [one.trial.trial_id for one in found.finalists(ranking, 9)] == [
        *("slow", "between", "fast", "worse", "no speed")
    ]


def test_what_differs_by_less_than_noise_is_called_so():
    _, found = judged(
        trial("good", 0.900, 2000.0),
        trial("luckier", 0.905, 1000.0),  # 0.005 more of 400 images, half as fast
        trial("as good", 0.895, 1999.0),
    )
    assert standings(found) == {
        "luckier": "on the front, within noise of good",
        "good": "on the front",
        "as good": "beaten by good, within noise",
    }
    assert "Their places are within noise: luckier against good." in found.sentences(3)[1]


def test_of_few_epochs_no_speed_is_said_to_be_higher():
    _, found = judged(trial("a", 0.90, 1000.0, epochs=2), trial("b", 0.89, 999.0, epochs=2))
    assert standings(found)["b"] == "beaten by a, within noise"


def test_rows_and_sentences_name_every_goal():
    ranking, found = judged(trial("slow", 0.9, 1000.0), trial("fast", 0.5, 4000.0, "pruned"))
    first, second = found.rows(ranking)
    assert list(first) == [
        *("#", "trial", "standing", "val/accuracy", "time/images_per_s", "epochs", "outcome", "optim.lr")
    ]
    assert (second["val/accuracy"], second["time/images_per_s"]) == ("0.5000", "4000")
    [said] = found.sentences(2)
    assert said.startswith("Pareto front: 2 of 2 trials, which no other beats in val/accuracy (max) and ")
    assert "slow (val/accuracy 0.9000, time/images_per_s 1000), fast (" in said


def test_nothing_measured_is_an_empty_front():
    ranking, found = judged()
    assert (ranking, found.front, found.finalists(ranking, 3)) == ([], [], [])


def test_standard_errors_are_those_of_shares_and_medians():
    n, p = 404, (400 * 0.9 + 2) / 404
    assert standard_error(GOALS[0], 0.9, {}, SAMPLES) == pytest.approx(math.sqrt(p * (1 - p) / n))
    assert standard_error(GOALS[0], 1.0, {}, SAMPLES) > 0
    speeds = {"time/images_per_s": {1: 10.0, 2: 98.0, 3: 100.0, 4: 102.0}}
    expected = math.sqrt(math.pi / 2) * 1.4826 * 2.0 / 2
    assert standard_error(GOALS[1], 100.0, speeds, {}) == pytest.approx(expected)
    assert standard_error(Goal("model/parameters", "min"), 1e6, {}, SAMPLES) == 0
    assert standard_error(Goal("val/loss", "min"), 1.0, {}, SAMPLES) == 0


def test_a_mean_over_classes_is_as_exact_as_its_rarest_classes_let_it_be():
    train = [("train", label, label) for label in "a" * 200 + "b" * 50 + "c" * 5]
    val = [("val", label, label) for label in "a" * 20 + "b" * 10 + "c" * 2]
    manifest = pd.DataFrame(train + val, columns=["split", "label", "clean"])
    found = samples_of(manifest, DataConfig())
    assert found["val/accuracy"] == 32
    assert found["val/macro_accuracy"] == pytest.approx(9 / (1 / 20 + 1 / 10 + 1 / 2))
    assert (found["val/many_shot"], found["val/medium_shot"], found["val/few_shot"]) == (20, 10, 2)


def test_of_identities_the_queries_are_counted():
    rows = [("val", "x", "query"), ("val", "x", "gallery"), ("val", "y", "query"), ("train", "z", None)]
    manifest = pd.DataFrame(rows, columns=["split", "label", "role"])
    config = DataConfig.model_validate({"identities": {}, "source": "figures"})
    assert samples_of(manifest, config)["val/map"] == 2
