"""What is printed of sweeps that are seen from outside."""

import io
import json
from dataclasses import replace

import pytest
from rich.console import Console

from platform.tracking.reading.overview import TrialGlance
from platform.tuning.folder.process_lock import SweepProcess, locked
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.settings.budget_config import BudgetConfig
from platform.tuning.stopping.balance import Balance, Spent
from platform.tuning.watching.list_and_status import json_of, print_list, print_status
from platform.tuning.watching.sweep_state import SweepState, sweep_state, sweeps_in

PROCESS = SweepProcess(
    pid=123, host="box", process_start=1e9, began=1.76e9, trials=5, epochs=50, epochs_a_trial=10
)


def trial(name, outcome, epochs, best):
    return TrialGlance(
        name, outcome, epochs, best, best, 2.0 * epochs, "peer", "b", {"lr": "0.012345"}, 1, None
    )


@pytest.fixture
def sweep():
    trials = [
        trial("0000", "finished", 10, 0.8),
        trial("0001", "pruned", 2, 0.3),
        trial("0002", "failed", 1, 0.9),
        trial("0003", "running", 4, 0.5),
    ]
    return SweepState("night", "runs/night", "running", "val/accuracy", "max", 1.76e9, PROCESS, trials)


def printed(show, *arguments):
    file = io.StringIO()
    show(Console(file=file, width=100, highlight=False, soft_wrap=True), *arguments)
    return file.getvalue().splitlines()


def test_a_running_sweeps_trials_best_and_rest_are_told(sweep):
    lines = printed(print_status, sweep)
    assert lines[0].startswith("sweep night: running since ") and lines[0].endswith("(process 123 on box)")
    assert lines[1] == "trials: 3/5, 1 finished, 1 stopped early, 1 failed, 1 running"
    assert lines[2] == "best: val/accuracy 0.8000, trial 0000 (lr 0.01235)"
    assert lines[3] == "epochs: 17 done in 34 s of training, at most 16 left: about 32 s"
    assert lines[5].split() == ["trial", "epoch", "best", "val/accuracy", "last", "lr"]
    assert lines[6].split() == ["0003", "4/10", "0.5000", "0.5000", "0.01235"]


def test_what_is_left_of_the_budget_is_told(sweep):
    balance = Balance(BudgetConfig(epochs=20, gpu_hours=3), Spent(60.0, 2700.0, 17))
    limited = replace(sweep, balance=balance)
    assert printed(print_status, limited)[4] == "budget left: 3 of 20 epochs, 2.25 of 3 GPU hours"
    [seen] = json.loads(json_of([limited]))
    assert seen["balance"]["budget"]["epochs"] == 20 and seen["balance"]["spent"]["epochs"] == 17


def test_what_was_reused_costs_nothing_and_what_does_not_fit_is_named(sweep):
    reused = replace(trial("0004", "finished", 10, 0.7), reused_from="day/0002")
    left = replace(trial("0005", "finished", 10, 0.9), left_out="method is core")
    lines = printed(print_status, replace(sweep, trials=[*sweep.trials, reused], left_out=[left]))
    assert lines[1] == "trials: 4/5, 2 finished, 1 stopped early, 1 failed, 1 running"
    assert lines[2] == "reused: 0004 from day/0002"
    assert lines[3] == "left out, as they do not fit the changed space: 0005 (method is core)"
    assert lines[4].startswith("best: val/accuracy 0.8000, trial 0000")
    assert lines[5].startswith("epochs: 17 done in 34 s")


def test_of_a_killed_sweep_nothing_is_said_to_run(sweep):
    killed = SweepState("night", "p", "interrupted", "val/accuracy", "max", 1.76e9, PROCESS, sweep.trials)
    lines = printed(print_status, killed)
    assert lines[0] == "sweep night: interrupted"
    assert "1 interrupted" in lines[1] and len(lines) == 4
    assert killed.epochs_left == 16 and killed.seconds_left is None


def test_a_loss_is_best_where_it_is_least(sweep):
    loss = SweepState("night", "p", "finished", "val/loss", "min", 1.76e9, PROCESS, sweep.trials)
    assert loss.best.trial == "0001" and loss.epochs_left == 0


def test_the_list_has_a_row_a_sweep_and_says_what_it_could_not_read(sweep):
    lost = SweepState(
        "day", "runs/day", "unknown", "val/loss", problem="MLflow at sqlite:///gone.db: no such folder"
    )
    lines = printed(print_list, [sweep, lost])
    assert lines[1].split()[:6] == ["night", "running", "val/accuracy", "0.8000", "3/5", "17"]
    assert lines[2].split()[:5] == ["day", "unknown", "val/loss", "–", "0/?"]
    assert lines[3] == "day: MLflow at sqlite:///gone.db: no such folder"


def test_programs_get_the_same(sweep):
    [seen] = json.loads(json_of([sweep]))
    assert (seen["best"], seen["trials_ended"], seen["epochs_left"]) == (0.8, 3, 16)
    assert seen["holder"]["pid"] == 123 and seen["trials"][3]["outcome"] == "running"


def test_of_several_goals_the_first_is_told_and_all_are_named(sweep):
    several = replace(sweep, goals=("val/accuracy (max)", "time/epoch_s (min)"))
    lines = printed(print_status, several)
    assert lines[3].startswith("goals: val/accuracy (max), time/epoch_s (min); the best is by the first goal")
    assert "val/accuracy and 1 more" in printed(print_list, [several])[1]
    assert json.loads(json_of([several]))[0]["goals"] == ["val/accuracy (max)", "time/epoch_s (min)"]


def test_a_sweep_that_starts_is_listed_and_one_that_died_then_is_not(tmp_path):
    folder = SweepFolder(tmp_path / "night")
    folder.path.mkdir()
    with locked(folder, SweepProcess.this_process(4, 12, 3)):
        assert [sweep_state(one).state for one in sweeps_in(tmp_path)] == ["starting"]
    assert folder.process.exists() and sweeps_in(tmp_path) == []
