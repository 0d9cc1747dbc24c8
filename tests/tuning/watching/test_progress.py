"""The table that the live table and the lines are drawn from."""

import io
import pickle

import pytest
from rich.console import Console

from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.search.past_trials import PastTrial
from platform.tuning.settings.budget_config import BudgetConfig
from platform.tuning.stopping.budget import Account
from platform.tuning.terminal import duration
from platform.tuning.watching.progress import ProgressCallback
from platform.tuning.watching.sweep_table import SweepTable, TrialRow


@pytest.fixture
def table():
    return SweepTable("val/accuracy", "max", planned=4)


def add(table, number, outcome, *values):
    trial = TrialRow(number, {"optim.lr": 0.1}, epochs=5, outcome=outcome, epoch=len(values))
    for value in values:
        trial.add(value, table.mode)
    table.trials[number] = trial


def test_the_summary_counts_outcomes_and_names_the_best(table):
    add(table, 0, "finished", 0.2, 0.8, 0.6)
    add(table, 1, "failed")
    add(table, 2, "running", 0.4)
    summary = table.summary()
    assert summary.startswith(
        "2/4 trials · 1 finished · 1 failed · 1 running · best val/accuracy 0.8000 (trial 0000)"
    )
    assert "left" in summary


def test_the_best_follows_the_direction():
    table = SweepTable("val/loss", "min", planned=2)
    add(table, 0, "finished", 2.0, 0.5, 0.7)
    add(table, 1, "finished", 0.6)
    assert table.best().number == 0 and table.best().best == 0.5 and table.best().last == 0.7


def test_nothing_is_said_of_a_best_or_of_time_before_there_is_any(table):
    add(table, 0, "running")
    assert table.summary() == "0/4 trials · 1 running"


def test_the_time_left_counts_only_what_ended_in_this_process(table):
    add(table, 0, "finished", 0.5)
    table.ended_before = 1
    assert table.seconds_left() is None


def test_a_resumed_sweep_knows_its_earlier_trials():
    past = [
        PastTrial(0, {"optim.lr": 0.1}, 3, "finished", {1: 0.2, 2: 0.5, 3: 0.4}),
        PastTrial(1, {"optim.lr": 0.2}, 3, "failed", {}),
    ]
    table = pickle.loads(pickle.dumps(ProgressCallback("val/accuracy", "max", 3, past))).table
    assert table.summary() == "2/3 trials · 1 finished · 1 failed · best val/accuracy 0.5000 (trial 0000)"
    assert (table.trials[0].epoch, table.trials[0].last, table.trials[1].best) == (3, 0.4, None)
    assert table.seconds_left() is None


def test_what_is_left_of_the_budget_is_shown(tmp_path):
    account = Account(SweepFolder(tmp_path), BudgetConfig(time="2h", epochs=40), gpus=0, epochs={0: 3})
    table = ProgressCallback("val/accuracy", "max", 3, account=account).table
    account.add_epoch(1, 2)
    assert table.summary() == "0/3 trials · budget left: 2 h 0 min of 2h, 35 of 40 epochs"


@pytest.mark.parametrize(("seconds", "text"), [(4.4, "4 s"), (75, "1 min 15 s"), (7320, "2 h 2 min")])
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_further_goals_are_shown_as_they_were_in_the_epoch_of_the_best():
    values, others = {1: 0.5, 2: 0.8, 3: 0.8, 4: 0.7}, {"val/few_shot": {1: 0.1, 2: 0.2, 3: 0.3, 4: 0.9}}
    past = [PastTrial(0, {}, 4, "finished", values, others=others)]
    callback = ProgressCallback("val/accuracy", "max", 3, past, other_goals=["val/few_shot"])
    assert "best val/accuracy 0.8000, val/few_shot 0.3000 (trial 0000)" in callback.table.summary()
    shown = io.StringIO()
    Console(width=120, file=shown).print(callback._render())
    headings, row, *_ = shown.getvalue().splitlines()
    assert headings.split() == ["trial", "state", "epoch", "best", "last", "images/s", "elapsed", "few_shot"]
    assert row.split() == ["0000*", "finished", "4/4", "0.8000", "0.7000", "–", "–", "0.3000"]
