"""search.reuse: which trials are answered from earlier ones; checkpoints and data are real."""

import copy
import os

import pytest
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler

from platform.storage.folder import Folder
from platform.tracking.reading.earlier_trials import EarlierTrial
from platform.training.loop.trainer import Trainer
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.search.reuse import Reuse
from platform.tuning.settings.search_config import SearchConfig
from platform.tuning.stopping.schedulers import make_scheduler
from platform.tuning.trial.kept_checkpoints import Keeping

EPOCHS = 3


@pytest.fixture
def data(golden_steps):
    return golden_steps.few_digits()


@pytest.fixture
def config():
    sections = {"epochs": EPOCHS, "image_size": 8, "model": {"backbone": "test_resnet"}}
    return TrialConfig.model_validate(sections | {"method": {"name": "cross_entropy"}})


@pytest.fixture
def ended(data, config, tmp_path):
    """Checkpoints of a trial of another sweep that ended, the best after its second epoch."""
    kept = Keeping(Folder.of(tmp_path / "old" / "trials"), "val/loss", "min", 1).of("0003")
    trainer = Trainer(config, data)
    for epoch, value in enumerate((0.5, 0.1, 0.3), start=1):
        trainer.epoch = epoch
        trainer.history.append({"val/loss": value, "val/accuracy": value})
        kept.save(trainer)
    return kept


@pytest.fixture
def reuse(data, config, ended, tmp_path):
    """``reuse("val/loss", …)`` of a new sweep that selects by that metric, other settings replaced."""

    def make(metric="val/loss", mode="min", data=data, folder=ended.folder.local):
        earlier = EarlierTrial("old/0003", config.model_dump(mode="json"), folder)
        return Reuse("new", Keeping(Folder.of(tmp_path / "new" / "trials"), metric, mode, 1), data, [earlier])

    return make


def suggestion(config, number=0, **settings):
    return {"number": number, "parameters": {}, "trial": config.model_dump(mode="json") | settings}


def test_a_trial_that_was_run_has_the_earlier_ones_checkpoints(reuse, config, ended, tmp_path):
    answered = reuse().answered(suggestion(config))
    assert answered == suggestion(config) | {"reused": "old/0003"}
    own = Keeping(Folder.of(tmp_path / "new" / "trials"), "val/loss", "min", 1).of("0000")
    assert (own.best.name, own.newest.name) == ("checkpoint_000002", "checkpoint_000003")
    weights = "network_1.safetensors"
    assert os.path.samefile(own.newest.local / weights, ended.newest.local / weights)
    for path in ended.folder.local.rglob("*"):
        if path.is_file():
            path.unlink()
    assert own.newest.name == "checkpoint_000003", "the earlier sweep may go"
    assert not list(own.folder.local.glob(".*"))


@pytest.mark.parametrize(
    "settings", [{"seed": 1}, {"batch_size": 32}, {"init_from": "runs/x"}, {"teacher": "runs/x"}]
)
def test_another_trial_is_run(reuse, config, settings):
    assert "reused" not in reuse().answered(suggestion(config, **settings))


def test_a_trial_whose_last_checkpoint_or_best_by_this_metric_is_gone_is_run(reuse, config, ended, tmp_path):
    assert "reused" not in reuse("val/accuracy", "max").answered(suggestion(config))
    assert "reused" not in reuse(folder=tmp_path / "nowhere").answered(suggestion(config))
    (ended.newest.local / "checkpoint.json").unlink()
    assert "reused" not in reuse().answered(suggestion(config))
    assert not (tmp_path / "new").exists()


def test_other_pixels_are_other_data(reuse, config, data):
    other = copy.copy(data)
    object.__setattr__(other, "mean", tuple(value + 1e-3 for value in data.mean))
    assert "reused" not in reuse(data=other).answered(suggestion(config))


def test_a_second_trial_like_one_that_has_ended_in_this_sweep_is_answered_from_it(
    data, config, ended, tmp_path
):
    keeping = Keeping(Folder.of(tmp_path / "old" / "trials"), "val/loss", "min", 1)
    reuse = Reuse("old", keeping, data)
    assert "reused" not in reuse.answered(suggestion(config, number=3))
    assert "reused" not in reuse.answered(suggestion(config, number=4)), "the first has not ended"
    reuse.ended(3)
    assert reuse.answered(suggestion(config, number=5))["reused"] == "old/0003"
    assert keeping.of("0005").newest.name == "checkpoint_000003"


@pytest.mark.parametrize("name", ["asha", "median"])
def test_a_reused_trial_is_not_stopped_and_others_are_judged_by_it(name):
    options = {"min_samples_required": 1} if name == "median" else {"reduction_factor": 2}
    search = SearchConfig.model_validate({"scheduler": {"name": name, "grace_period": 1, **options}})
    scheduler = make_scheduler(search, max_epochs=9, seed=0)

    def tell(number, value, **config):
        trial = Trial("trial", config={"number": number, **config}, stub=True)
        scheduler.on_trial_add(None, trial)
        decisions = []
        for epoch in range(1, 4):
            result = {"epoch": epoch, "training_iteration": epoch, "val/accuracy": value}
            decisions.append(scheduler.on_trial_result(None, trial, result))
            if decisions[-1] == TrialScheduler.STOP:
                break
        return decisions

    assert set(tell(0, 0.9, reused="old/0003")) == {TrialScheduler.CONTINUE}
    assert set(tell(1, 0.1, reused="old/0004")) == {TrialScheduler.CONTINUE}
    assert TrialScheduler.STOP in tell(2, 0.05)
