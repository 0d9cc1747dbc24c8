"""What a sweep has spent is counted over all its processes, and ends it."""

import pickle

import pytest
from ray import tune

from platform.config.errors import ConfigError, UserError
from platform.config.load import load_space
from platform.tuning.cluster.resources import TrialResources
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.settings.budget_config import BudgetConfig
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.stopping.balance import Spent, read_balance
from platform.tuning.stopping.budget import Account, check_gpu_hours
from platform.tuning.stopping.stoppers import BudgetWatch


@pytest.fixture
def folder(tmp_path):
    return SweepFolder(tmp_path)


def account_of(folder, *, gpus=0.0, known=None, **limits):
    return Account(folder, BudgetConfig(**limits), gpus=gpus, epochs=known or {})


def test_wall_time_goes_on_where_the_last_process_stopped(folder):
    first = account_of(folder, time="60s")
    for now in (1000.0, 1010.0, 1040.0):
        first.add_time(now, running=2)
    assert first.balance.reached is None and first.balance.left == "20 s of 60s"

    second = account_of(folder, time="60s")  # the first one was killed: nothing was closed
    second.add_time(5.0, running=1)  # of another clock
    second.add_time(24.0, running=1)
    assert second.balance.spent.seconds == 59 and second.balance.reached is None
    second.add_time(25.0, running=1)
    assert second.balance.reached == "60s of wall time"
    assert account_of(folder, time="2m").balance.reached is None, "a larger budget goes on"


def test_an_epoch_counts_once_however_often_it_is_told(folder):
    account = account_of(folder, known={0: 2, 1: 1})
    for number, epoch in [(1, 1), (1, 2), (2, 1), (2, 2), (2, 1)]:
        account.add_epoch(number, epoch)
    assert account.balance.spent.epochs == 6
    limited = account_of(folder, epochs=3, known={0: 2})
    limited.add_epoch(0, 2)
    assert limited.balance.reached is None and limited.balance.left == "1 of 3 epochs"
    limited.add_epoch(0, 3)
    assert limited.balance.reached == "3 epochs"


def test_gpu_hours_are_those_of_the_trials_that_run_times_their_gpus(folder):
    account = account_of(folder, gpus=0.5, gpu_hours=2)
    account.add_time(0.0, running=0)
    account.add_time(3600.0, running=3)
    account.add_time(7200.0, running=0)
    assert account.balance.spent.gpu_seconds == 1.5 * 3600
    assert account.balance.left == "0.50 of 2 GPU hours"
    account.add_time(9000.0, running=2)
    assert account.balance.reached == "2 GPU hours"


def test_epochs_are_the_studys_and_time_the_files(folder):
    account = account_of(folder, time="1h", known={0: 4})
    account.add_time(0.0, running=1)
    account.add_time(3.0, running=1)
    account.add_epoch(1, 7)
    account.save()
    assert read_balance(folder).spent == Spent(seconds=3.0, epochs=11)
    assert account_of(folder, time="1h", known={0: 4}).balance.spent == Spent(seconds=3.0, epochs=4)


def test_what_cannot_be_read_is_one_line(folder):
    assert read_balance(folder) is None
    folder.budget.write_text('{"spent": {"hours": 1}, "budget": {}}')
    with pytest.raises(UserError, match="budget.json: cannot be read: spent.hours: Unexpected"):
        read_balance(folder)


class Steps(tune.Trainable):
    def step(self):
        epoch = self.training_iteration + 1
        return {"val/accuracy": 0.5, "epoch": epoch, "done": epoch == 4}

    def save_checkpoint(self, checkpoint_dir):
        return None


def test_tune_stops_at_the_epoch_that_reaches_the_budget(local_ray, folder, tmp_path, monkeypatch):
    monkeypatch.setenv("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")  # as a sweep does
    watch = BudgetWatch(account_of(folder, epochs=6))
    results = tune.Tuner(
        tune.with_resources(Steps, {"cpu": 1}),
        param_space={"number": tune.grid_search([0, 1, 2])},
        tune_config=tune.TuneConfig(max_concurrent_trials=1),
        run_config=tune.RunConfig(
            storage_path=str(tmp_path / "tune"), stop=watch, callbacks=[watch], verbose=0
        ),
    ).fit()
    last = [results[place].metrics for place in range(len(results))]
    assert [metrics["epoch"] for metrics in last if metrics] == [4, 2]
    spent = read_balance(folder).spent
    assert spent.epochs == 6 and spent.seconds > 0


def test_a_watch_can_be_saved_by_tune(folder):
    assert pickle.loads(pickle.dumps(BudgetWatch(account_of(folder, known={0: 3})))).stop_all() is False


SPACE = "model: {backbone: resnet10t}\nmethod: {name: cross_entropy}\nsearch:\n  budget: {gpu_hours: 2}\n"


def test_gpu_hours_without_a_gpu_are_refused_at_their_place(tmp_path):
    space = tmp_path / "space.yaml"
    space.write_text(SPACE)
    loaded = load_space(space, SweepConfig, fixed=SWEEP_FIELDS)
    check_gpu_hours(loaded, TrialResources(1, 1, 0.25, "PACK", 1))
    with pytest.raises(ConfigError) as caught:
        check_gpu_hours(loaded, TrialResources(1, 1, 0.0, "PACK", 1))
    assert str(caught.value).startswith(f"{space}:4:23: search.budget.gpu_hours: trials get no GPU here")


def test_a_search_may_spend_a_share_and_its_repeats_the_rest(folder):
    account = account_of(folder, epochs=10)
    account.allow(0.6)
    for epoch in range(1, 7):
        assert account.balance.reached is None
        account.add_epoch(0, epoch)
    assert account.balance.reached == "10 epochs"
    account.allow(1.0)
    assert account.balance.reached is None
