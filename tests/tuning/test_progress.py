"""The view that the live table and the lines are drawn from."""

import io
import pickle

import pytest
from rich.console import Console

from platform.tuning.stopping.budget import Account
from platform.tuning.settings.budget_config import BudgetConfig
from platform.tuning.terminal import duration
from platform.tuning.search.past_trials import PastTrial
from platform.tuning.watching.progress import ProgressCallback, SweepView, TrialView
from platform.tuning.folder.sweep_folder import SweepFolder


@pytest.fixture
def view():
    return SweepView("val/accuracy", "max", planned=4)


def add(view, number, outcome, *values):
    trial = TrialView(number, {"optim.lr": 0.1}, epochs=5, outcome=outcome, epoch=len(values))
    for value in values:
        trial.add(value, view.mode)
    view.trials[number] = trial


def test_the_summary_counts_outcomes_and_names_the_best(view):
    add(view, 0, "finished", 0.2, 0.8, 0.6)
    add(view, 1, "failed")
    add(view, 2, "running", 0.4)
    summary = view.summary()
    assert summary.startswith(
        "2/4 trials · 1 finished · 1 failed · 1 running · best val/accuracy 0.8000 (trial 0000)"
    )
    assert "left" in summary


def test_the_best_follows_the_direction():
    view = SweepView("val/loss", "min", planned=2)
    add(view, 0, "finished", 2.0, 0.5, 0.7)
    add(view, 1, "finished", 0.6)
    assert view.best().number == 0 and view.best().best == 0.5 and view.best().last == 0.7


def test_nothing_is_said_of_a_best_or_of_time_before_there_is_any(view):
    add(view, 0, "running")
    assert view.summary() == "0/4 trials · 1 running"


def test_the_time_left_counts_only_what_ended_in_this_process(view):
    add(view, 0, "finished", 0.5)
    view.ended_before = 1
    assert view.seconds_left() is None


def test_a_resumed_sweep_knows_its_earlier_trials():
    past = [
        PastTrial(0, {"optim.lr": 0.1}, 3, "finished", {1: 0.2, 2: 0.5, 3: 0.4}),
        PastTrial(1, {"optim.lr": 0.2}, 3, "failed", {}),
    ]
    view = pickle.loads(pickle.dumps(ProgressCallback("val/accuracy", "max", 3, past))).view
    assert view.summary() == "2/3 trials · 1 finished · 1 failed · best val/accuracy 0.5000 (trial 0000)"
    assert (view.trials[0].epoch, view.trials[0].last, view.trials[1].best) == (3, 0.4, None)
    assert view.seconds_left() is None


def test_what_is_left_of_the_budget_is_shown(tmp_path):
    account = Account(SweepFolder(tmp_path), BudgetConfig(time="2h", epochs=40), gpus=0, epochs={0: 3})
    view = ProgressCallback("val/accuracy", "max", 3, account=account).view
    account.told(1, 2)
    assert view.summary() == "0/3 trials · budget left: 2 h 0 min of 2h, 35 of 40 epochs"


@pytest.mark.parametrize(("seconds", "text"), [(4.4, "4 s"), (75, "1 min 15 s"), (7320, "2 h 2 min")])
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_further_goals_are_shown_as_they_were_in_the_epoch_of_the_best():
    values, others = {1: 0.5, 2: 0.8, 3: 0.8, 4: 0.7}, {"val/few_shot": {1: 0.1, 2: 0.2, 3: 0.3, 4: 0.9}}
    past = [PastTrial(0, {}, 4, "finished", values, others=others)]
    callback = ProgressCallback("val/accuracy", "max", 3, past, beside=["val/few_shot"])
    assert "best val/accuracy 0.8000, val/few_shot 0.3000 (trial 0000)" in callback.view.summary()
    console = Console(width=120, file=io.StringIO())
    console.print(callback._render())
    headings, row, *_ = console.file.getvalue().splitlines()
    assert headings.split()[3:7] == ["best", "val/accuracy", "last", "val/few_shot"]
    assert row.split()[3:6] == ["0.8000", "0.7000", "0.3000"]
