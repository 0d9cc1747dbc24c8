"""What the study is told of trials; Optuna and Ray's searcher interface are the real ones."""

import pickle

import optuna
import pytest

from platform.config.load import load_space
from platform.tuning.searcher import SpaceSearch
from platform.tuning.sweep_config import SWEEP_FIELDS, SweepConfig

SPACE = """
epochs: 4
seed: 3
model: {backbone: resnet10t}
method:
  choice:
  - {name: cross_entropy}
  - {name: peer, drop_rate: {uniform: [0.1, 0.6]}, ramp_epochs: 2}
optim: {lr: {loguniform: [1.0e-3, 1.0e-1]}}
search: {sampler: {name: tpe, n_startup_trials: 4}}
"""


@pytest.fixture
def searcher(tmp_path):
    path = tmp_path / "space.yaml"
    path.write_text(SPACE)
    return SpaceSearch(load_space(path, SweepConfig, fixed=SWEEP_FIELDS), study_name="nightly")


def report(searcher, trial_id, *values, finished=False):
    for epoch, value in enumerate(values[:-1], start=1):
        searcher.on_trial_result(trial_id, {"val/accuracy": value, "training_iteration": epoch})
    last = {"val/accuracy": values[-1], "training_iteration": len(values), "finished": finished}
    searcher.on_trial_complete(trial_id, result=last)


def test_a_suggestion_is_a_validated_trial_with_its_sampled_values_by_dotted_path(searcher):
    suggestions = [searcher.suggest(f"t{index}") for index in range(12)]
    assert [suggestion["number"] for suggestion in suggestions] == list(range(12))
    names = {suggestion["parameters"]["method"] for suggestion in suggestions}
    assert names == {"cross_entropy", "peer"}
    for suggestion in suggestions:
        trial, parameters = suggestion["trial"], suggestion["parameters"]
        assert trial["method"]["name"] == parameters["method"]
        assert trial["optim"]["lr"] == parameters["optim.lr"]
        assert ("method.drop_rate" in parameters) == (parameters["method"] == "peer")
        assert "search" not in trial


def test_the_study_bears_the_sweeps_name_and_the_seed_decides(tmp_path, searcher):
    assert searcher.study.study_name == "nightly"
    path = tmp_path / "again.yaml"
    path.write_text(SPACE)
    again = SpaceSearch(load_space(path, SweepConfig, fixed=SWEEP_FIELDS), study_name="other")
    for index in range(6):
        assert searcher.suggest(f"t{index}") == again.suggest(f"t{index}")


def test_stopped_failed_and_finished_trials_are_told_as_what_they_are(searcher):
    for name in ("stopped", "failed", "finished", "early"):
        searcher.suggest(name)
    report(searcher, "stopped", 0.2, 0.3)
    searcher.on_trial_result("failed", {"val/accuracy": 0.1, "training_iteration": 1})
    searcher.on_trial_complete("failed", error=True)
    report(searcher, "finished", 0.4, 0.8, 0.7, 0.6, finished=True)
    searcher.on_trial_complete("early", error=True)

    trials = searcher.study.trials
    states = [trial.state.name for trial in trials]
    assert states == ["PRUNED", "FAIL", "COMPLETE", "FAIL"]
    assert trials[0].intermediate_values == {1: 0.2, 2: 0.3}
    assert trials[2].intermediate_values == {1: 0.4, 2: 0.8, 3: 0.7, 4: 0.6}
    assert trials[2].value == 0.8


def test_a_searcher_is_saved_and_restored_with_what_it_knows(tmp_path, searcher):
    searcher.suggest("a")
    report(searcher, "a", 0.5, finished=True)
    searcher.suggest("b")
    searcher.save(str(tmp_path / "state"))
    path = tmp_path / "space.yaml"
    restored = SpaceSearch(load_space(path, SweepConfig, fixed=SWEEP_FIELDS), study_name="nightly")
    restored.restore(str(tmp_path / "state"))
    report(restored, "b", 0.25)
    assert [trial.state.name for trial in restored.study.trials] == ["COMPLETE", "PRUNED"]
    assert restored.suggest("c")["number"] == 2


def test_the_searcher_can_be_pickled_with_its_space(searcher):
    searcher.suggest("a")
    assert pickle.loads(pickle.dumps(searcher)).suggest("b")["number"] == 1


def test_optuna_is_the_one_that_samples(searcher):
    assert isinstance(searcher.study.sampler, optuna.samplers.TPESampler)


def test_a_sample_that_builds_no_trial_is_drawn_again(tmp_path):
    path = tmp_path / "sizes.yaml"
    text = SPACE.replace(
        "model: {backbone: resnet10t}", "model: {backbone: test_vit}\nimage_size: {int: [32, 64]}"
    )
    path.write_text(text)
    search = SpaceSearch(load_space(path, SweepConfig, fixed=SWEEP_FIELDS), study_name="sizes")
    suggestions = [search.suggest(f"t{index}") for index in range(2)]
    assert all(suggestion["trial"]["image_size"] % 16 == 0 for suggestion in suggestions)
    states = [trial.state.name for trial in search.study.trials]
    assert "FAIL" in states and states.count("RUNNING") == 2
