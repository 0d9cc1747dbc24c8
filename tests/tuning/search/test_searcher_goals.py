"""What the study is told of trials with several goals; Optuna is the real one."""

import math
import warnings

import pytest

from platform.config.errors import ConfigError
from platform.config.load import load_space
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.resume.study_change import study_change
from platform.tuning.run.plan import as_text, make_plan
from platform.tuning.search.past_trials import left_out
from platform.tuning.search.searcher import SpaceSearch
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.space.search_check import check_search

SPACE = """
epochs: 4
seed: 3
model: {backbone: resnet10t}
method: {name: peer, drop_rate: {uniform: [0.1, 0.6]}, ramp_epochs: {int: [1, 4]}}
optim: {lr: {loguniform: [1.0e-3, 1.0e-1]}}
search:
  metric: {val/accuracy: max, time/epoch_s: min}
  trials: 12
  sampler: {name: tpe, n_startup_trials: 4}
"""


@pytest.fixture
def load(tmp_path):
    def load_text(*overrides):
        space = tmp_path / "space.yaml"
        space.write_text(SPACE)
        return load_space(space, SweepConfig, overrides=overrides, fixed=SWEEP_FIELDS)

    return load_text


@pytest.fixture
def make(load, tmp_path):
    """``make("name")``: a new search in a folder of that name, or with ``resumes`` the one that is there."""

    def search(name, *overrides, resumes=False):
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        return SpaceSearch(load(*overrides), SweepFolder(folder), resumes=resumes)

    return search


def report(search, trial_id, *values, finished=True):
    for epoch, (accuracy, seconds) in enumerate(values, start=1):
        result = {"val/accuracy": accuracy, "time/epoch_s": seconds, "epoch": epoch, "train/loss": 1.0}
        if epoch < len(values):
            search.on_trial_result(trial_id, result)
        else:
            search.on_trial_complete(trial_id, result={**result, "finished": finished})


def test_a_finished_trial_is_told_with_a_value_for_each_goal_and_a_stopped_one_as_stopped(make):
    search = make("two")
    for name in ("finished", "stopped", "failed", "no number"):
        search.suggest(name)
    report(search, "finished", (0.5, 9.0), (0.8, 2.0), (0.7, 1.0), (0.6, 4.0))
    report(search, "stopped", (0.2, 1.0), (0.3, 1.0), finished=False)
    search.on_trial_complete("failed", error=True)
    report(search, "no number", (0.2, math.nan))
    trials = search.study.trials
    assert [trial.state.name for trial in trials] == ["COMPLETE", "PRUNED", "FAIL", "FAIL"]
    assert trials[0].values == [0.8, 3.0], "the best epoch's accuracy, the median epoch's seconds"
    assert [direction.name for direction in search.study.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert search.study.metric_names == ["val/accuracy", "time/epoch_s"]
    assert trials[1].user_attrs["epoch 000002"] == {"val/accuracy": 0.3, "time/epoch_s": 1.0}
    finished, stopped, *_ = search.records.past()
    assert finished.values == {1: 0.5, 2: 0.8, 3: 0.7, 4: 0.6}
    assert stopped.others == {"time/epoch_s": {1: 1.0, 2: 1.0}}


@pytest.mark.parametrize(
    "sampler",
    [
        "{name: tpe, n_startup_trials: 3}",
        "{name: tpe, n_startup_trials: 3, multivariate: false, group: false, constant_liar: false}",
        "{name: gp, n_startup_trials: 3}",
        "{name: random}",
        "{name: qmc}",
    ],
)
def test_samplers_draw_on_with_stopped_and_running_trials_and_a_resumed_one_draws_the_same(make, sampler):
    unbroken, broken = (make(name, f"search.sampler={sampler}") for name in ("unbroken", "broken"))
    for search in (unbroken, broken):
        search.suggest("runs")
    drawn = []
    for index in range(6):
        expected = unbroken.suggest(f"t{index}")
        assert broken.suggest(f"t{index}") == expected
        drawn.append(expected["parameters"]["optim.lr"])
        for search in (unbroken, broken):
            report(search, f"t{index}", (0.1 * index, 1.0), (drawn[-1], 2.0), finished=index % 3 != 0)
        broken = make("broken", f"search.sampler={sampler}", resumes=True)
        assert broken.suggest("runs")["number"] == 0
    assert len(set(drawn)) == 6


def test_what_was_told_of_a_running_trial_is_known_to_the_process_that_goes_on(make):
    search = make("one")
    search.suggest("a")
    search.on_trial_result("a", {"val/accuracy": 0.6, "time/epoch_s": 1.0, "epoch": 1})
    resumed = make("one", resumes=True)
    assert resumed.records.epochs() == {0: 1} and resumed.records.begun_with_a_result() == 1
    resumed.suggest("A")
    report(resumed, "A", (0.9, 9.0), (0.5, 3.0))  # epoch 1 is told again, and was known
    assert resumed.study.trials[0].values == [0.6, 2.0]


def test_the_finalists_are_the_front_spread_out_and_then_the_best_others(make):
    search = make("one")
    told = [(0.9, 5.0), (0.8, 6.0), (0.89, 4.9), (0.5, 1.0), (0.7, 3.0)]
    for index, values in enumerate(told):
        search.suggest(f"t{index}")
        report(search, f"t{index}", values)
    search.suggest("stopped")
    report(search, "stopped", (0.99, 0.1), finished=False)
    assert [one.number for one in search.records.finalists(3)] == [0, 3, 4]
    assert [one.number for one in search.records.finalists(9)] == [0, 3, 4, 2, 1]


def test_epochs_of_trials_that_a_changed_space_leaves_out_stay_spent(make, load, tmp_path):
    """With several goals, epochs are attributes of a trial, not Optuna's intermediate values."""
    search = make("one")
    for rate in (0.2, 0.3, 0.5):
        search.study.enqueue_trial({"method.drop_rate": rate})
    for name in ("a", "b"):
        search.suggest(name)
        report(search, name, (0.5, 1.0), (0.6, 1.0), (0.7, 1.0), (0.6, 1.0))
    search.suggest("c")
    for epoch in (1, 2, 3):
        search.on_trial_result("c", {"val/accuracy": 0.5, "time/epoch_s": 1.0, "epoch": epoch})
    assert search.records.epochs() == {0: 4, 1: 4, 2: 3}
    narrower = "method.drop_rate={uniform: [0.1, 0.4]}"
    study_change(load(narrower), SweepFolder(tmp_path / "one")).commit()
    changed = make("one", narrower, resumes=True)
    assert [(one.number, one.epochs) for one in left_out(changed.study)] == [(2, 3)]
    assert changed.records.epochs() == {0: 4, 1: 4, 2: 3}


def test_cmaes_is_refused_and_the_plan_says_who_judges_what(load):
    loaded = load("search.sampler={name: cmaes}")
    with pytest.raises(ConfigError, match="cmaes looks for a single goal, but here are val/accuracy, time"):
        check_search(loaded)
    text = " ".join(as_text(make_plan(load("data.source=digits"), "goals")).split())
    assert (
        "selects val/accuracy (max) and time/epoch_s (min), of a trial's best epoch by val/accuracy" in text
    )
    assert "; by val/accuracy alone" in text


def test_nothing_of_optunas_is_experimental_to_our_users(make):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        make("quiet").suggest("a")
