"""A sweep's study after its space was changed; Optuna's studies and storages are the real ones."""

import subprocess
import sys

import optuna
import pytest

from platform.config.errors import UserError
from platform.config.load import load_space
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.resume.study_change import study_change
from platform.tuning.search.past_trials import left_out
from platform.tuning.search.searcher import SpaceSearch
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from tests.tuning.spaces import TWO_METHODS

pytestmark = pytest.mark.sweep

POINTS = """
  start_with:
  - {method: {name: cross_entropy}, optim.lr: 0.002}
  - {method: {name: peer, drop_rate: 0.5}, optim.lr: 0.05}
  - {method: {name: peer, drop_rate: 0.2}, optim.lr: 0.09}
"""
SPACE = TWO_METHODS.replace("search: {sampler: {name: tpe, n_startup_trials: 4}}", "search:" + POINTS)


class Sweep:
    """One sweep's study; ``go_on(override, …)`` as ``--resume`` with these does it."""

    def __init__(self, path, storage):
        self.folder, self.storage = SweepFolder(path), storage
        path.mkdir()
        self.folder.space.write_text(SPACE)
        loaded = self.load()
        starts = [
            {"method": "cross_entropy", "optim.lr": 0.002},
            {"method": "peer", "method[peer].drop_rate": 0.5, "optim.lr": 0.05},
            {"method": "peer", "method[peer].drop_rate": 0.2, "optim.lr": 0.09},
        ]
        self.search = SpaceSearch(loaded, self.folder)
        for start in starts:
            self.search.study.enqueue_trial(start)

    def load(self, *overrides):
        given = [*overrides, *self.storage]
        return load_space(self.folder.space, SweepConfig, overrides=given, fixed=SWEEP_FIELDS)

    def run(self, trial, *values):
        """Suggested, and, where there are all four values, ended."""
        suggestion = self.search.suggest(trial)
        for epoch, value in enumerate(values, start=1):
            result = {"val/accuracy": value, "epoch": epoch, "finished": epoch == 4}
            self.search.on_trial_result(trial, result)
        if len(values) == 4:
            self.search.on_trial_complete(trial, result)
        return suggestion

    def change(self, *overrides):
        return study_change(self.load(*overrides), self.folder)

    def go_on(self, *overrides):
        change = self.change(*overrides)
        change.commit()
        self.search = SpaceSearch(self.load(*overrides), self.folder, resumes=True)
        return change


@pytest.fixture(params=["journal", "database"])
def sweep(request, tmp_path):
    """Two trials that have ended and one that runs, after its second epoch."""
    url = f"search.storage=sqlite:///{tmp_path}/o.db"
    found = Sweep(tmp_path / "nightly", [url] if request.param == "database" else [])
    found.run("a", 0.1, 0.3, 0.2, 0.2)
    found.run("b", 0.2, 0.4, 0.6, 0.5)
    found.run("c", 0.3, 0.5)
    return found


def as_told(study):
    """What must be the same of each trial, whatever its distributions."""
    return [
        (
            one.number,
            one.state.name,
            one.value if one.state.name == "COMPLETE" else None,
            one.intermediate_values,
            one.params,
            one.datetime_start,
            one.datetime_complete,
            one.user_attrs,
        )
        for one in study.trials
    ]


def test_a_wider_range_and_a_new_option_keep_every_trial_as_it_is(sweep):
    before = as_told(sweep.search.study)
    change = sweep.go_on(
        "optim.lr={loguniform: [1e-3, 1]}",
        "method={choice: [{name: core}, {name: peer, drop_rate: {uniform: [0.1, 0.9]}, ramp_epochs: 2}, "
        "{name: cross_entropy}]}",
    )
    assert change.words() == [
        "method: choice [cross_entropy, peer] → choice [core, peer, cross_entropy]",
        "method[peer].drop_rate: uniform [0.1, 0.6] → uniform [0.1, 0.9]",
        "optim.lr: loguniform [0.001, 0.1] → loguniform [0.001, 1]",
        "3 trials kept",
    ]
    assert as_told(sweep.search.study) == before
    assert sweep.search.study.study_name == "nightly"
    past = sweep.search.records.past()
    assert [(one.number, one.outcome, max(one.values)) for one in past] == [
        (0, "finished", 4),
        (1, "finished", 4),
    ]
    went_on = sweep.search.suggest("c again")
    assert (went_on["number"], went_on["parameters"]["optim.lr"]) == (2, 0.09)
    drawn = [sweep.run(f"t{index}", 0.1, 0.1, 0.1, 0.1) for index in range(12)]
    assert [one["number"] for one in drawn] == list(range(3, 15))
    assert "core" in {one["parameters"]["method"] for one in drawn}


def test_trials_that_do_not_fit_are_left_out_of_what_the_sampler_knows_and_come_back(sweep):
    before = as_told(sweep.search.study)
    change = sweep.go_on("optim.lr={loguniform: [1e-3, 0.06]}")
    assert change.words()[-1] == "2 trials kept, 1 does not fit any more: 0002 (optim.lr is 0.09)"
    assert [(one.name, one.epochs, one.has_ended) for one in left_out(sweep.search.study)] == [
        ("0002", 2, False)
    ]
    assert [one.number for one in sweep.search.records.past()] == [0, 1]
    assert sweep.search.records.epochs() == {0: 4, 1: 4, 2: 2}, "what it has cost is not forgotten"
    assert sweep.run("d")["number"] == 3, "it is not gone on with, and its number is not given again"

    change = sweep.go_on("optim.lr={loguniform: [1e-3, 0.5]}")
    assert change.words()[-1] == "4 trials kept"
    assert as_told(sweep.search.study)[:3] == before
    assert sweep.search.suggest("c again")["number"] == 2


def test_an_option_that_is_gone_and_a_constant_that_becomes_a_range(sweep):
    change = sweep.go_on("method={name: cross_entropy}", "batch_size={choice: [16, 64]}")
    assert change.words()[-1] == (
        "1 trial kept, 2 do not fit any more: 0001 (method is peer), 0002 (method is peer)"
    )
    assert sweep.search.study.trials[0].params == {"batch_size": 64, "optim.lr": 0.002}
    assert sweep.search.records.past()[0].parameters == {"batch_size": 64, "optim.lr": 0.002}
    change = sweep.go_on("method={name: cross_entropy}", "batch_size=64")
    assert change.kept == 1


def test_a_range_that_becomes_a_constant_keeps_the_trials_that_had_it(sweep):
    change = sweep.go_on("optim.lr=0.05")
    assert change.kept == 1 and change.left == {"0000": "optim.lr is 0.002", "0002": "optim.lr is 0.09"}


def test_another_constraint_judges_the_trials_anew(sweep):
    change = sweep.go_on("search.constraints=[optim.lr < 0.07]")
    assert change.left == {"0002": "it does not fulfil optim.lr < 0.07"}
    assert sweep.search.study.trials[0].constraints == {"optim.lr < 0.07": 0.0}


def test_another_statistic_gives_ended_trials_their_new_values(sweep):
    sweep.go_on("search.statistic=last")
    assert [one.value for one in sweep.search.study.trials[:2]] == [0.2, 0.5]


def test_points_to_start_with_that_wait_are_kept_where_they_fit(sweep):
    for point in ({"optim.lr": 0.004}, {"optim.lr": 0.08}):
        sweep.search.study.enqueue_trial({"method": "cross_entropy"} | point)
    sweep.go_on("optim.lr={loguniform: [1e-3, 0.07]}")
    drawn = sweep.run("next")
    assert (drawn["number"], drawn["parameters"]) == (3, {"method": "cross_entropy", "optim.lr": 0.004})
    assert sweep.run("the one after")["number"] == 5, "the number of the other is not given again"


def test_other_points_to_start_with_come_next_but_for_those_that_were_tried(sweep):
    change = sweep.go_on(
        "search.start_with=[{method: {name: cross_entropy}, optim.lr: 0.002}, {optim.lr: 0.03}]"
    )
    assert len(change.starts) == 2
    assert sweep.run("next")["number"] == 2
    drawn = sweep.run("the one after")
    assert (drawn["number"], drawn["parameters"]["optim.lr"]) == (3, 0.03)


def test_a_space_that_no_trial_fits_is_refused_and_nothing_is_written(sweep):
    before = as_told(sweep.search.study)
    with pytest.raises(UserError, match=r"no trial of .* fits the changed space: 0000 \(optim.lr is"):
        sweep.change("optim.lr={loguniform: [2, 3]}")
    assert as_told(SpaceSearch(sweep.load(), sweep.folder, resumes=True).study) == before


def test_other_limits_leave_the_study_as_it_is(sweep):
    change = sweep.change("search.trials=99", "search.sampler={name: random}")
    assert change.trials is None
    change.commit()
    assert sweep.change("search.trials=99", "search.sampler={name: random}").changes == []


def test_the_study_that_was_is_kept(tmp_path, sweep):
    sweep.go_on("optim.lr={loguniform: [1e-3, 1]}")
    sweep.go_on("optim.lr={loguniform: [1e-3, 2]}")
    if sweep.storage:
        names = optuna.get_all_study_names(f"sqlite:///{tmp_path}/o.db")
        assert sorted(names) == ["nightly", "nightly-before-1", "nightly-before-2"]
    else:
        journals = sorted(path.name for path in sweep.folder.path.glob("optuna_journal*"))
        assert journals == ["optuna_journal.1.log", "optuna_journal.2.log", "optuna_journal.log"]


def test_samples_that_were_not_trained_are_judged_by_the_new_constraints(tmp_path):
    sweep = Sweep(tmp_path / "nightly", [])
    sweep.go_on("search.constraints=[optim.lr < 0.01]")
    trials = [sweep.run(f"t{index}", 0.1, 0.2, 0.3, 0.4)["number"] for index in range(2)]
    states = [one.state.name for one in sweep.search.study.trials[: trials[-1] + 1]]
    assert "PRUNED" in states
    sweep.go_on("search.constraints=[optim.lr < 1]")
    assert {one.state.name for one in sweep.search.study.trials[: trials[-1] + 1]} == {"COMPLETE", "FAIL"}


def test_a_process_that_is_killed_leaves_the_study_that_was_or_the_one_that_is_to_be(root, sweep):
    """Before each write to the journal; before every 30th to the database, which has many more."""
    line = ["tests.tuning.resume.kill_while_changing", str(sweep.folder.path), "30" if sweep.storage else "1"]
    done = subprocess.run(
        [sys.executable, "-m", *line, *sweep.storage], cwd=root, stdout=subprocess.PIPE, text=True, check=True
    )
    was, to_be = (
        f"optim.lr: loguniform [0.001, {high}] → loguniform [0.001, 0.7]" for high in ("0.1", "0.5")
    )
    first, *others, last = done.stdout.splitlines()
    assert (first, last) == (f"-9 {was}", f"0 {to_be}")
    assert others and set(others) <= {f"-9 {was}", f"-9 {to_be}"}
    sweep.go_on("optim.lr={loguniform: [1e-3, 0.7]}")
    trials = sweep.search.study.trials
    assert [(one.number, one.params["optim.lr"]) for one in trials] == [(0, 0.002), (1, 0.05), (2, 0.09)]
    assert [one.state.name for one in trials] == ["COMPLETE", "COMPLETE", "RUNNING"]
    assert trials[1].intermediate_values == {1: 0.2, 2: 0.4, 3: 0.6, 4: 0.5}
