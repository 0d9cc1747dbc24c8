"""A trial as Tune runs it: an epoch a step, saved, restored, and used again for the next trial."""

import logging
import shutil

import pytest
import torch
from ray import tune
from ray.train._internal.session import _TrainingResult

from platform.datasets.data_config import DataConfig
from platform.datasets.prepare import prepare
from platform.training.trial_config import TrialConfig
from platform.tuning.trainable import Place, TrialTrainable, newest_checkpoint


def trial(**settings):
    sections = {
        "epochs": 3,
        "batch_size": 256,
        "image_size": 8,
        "model": {"backbone": "test_resnet"},
        "method": {"name": "cross_entropy"},
        "schedule": {"name": "constant", "warmup_epochs": 0},
    }
    config = TrialConfig.model_validate(sections | settings, strict=False)
    return {"number": 0, "parameters": {}, "trial": config.model_dump(mode="json")}


@pytest.fixture(scope="module")
def data():
    return prepare(DataConfig(), 8)


@pytest.fixture
def make(local_ray, data, tmp_path):
    log = logging.getLogger("platform")
    before = log.handlers[:], log.level
    trainable = tune.with_parameters(TrialTrainable, data=data, place=Place("cpu", 1, tmp_path))
    yield lambda config: trainable(config)
    for handler in log.handlers:
        handler.close()
    log.handlers[:], log.level = before


def save(actor, folder):
    folder.mkdir(parents=True)
    actor.save_checkpoint(str(folder))
    return _TrainingResult(tune.Checkpoint(str(folder)), {"training_iteration": actor.trainer.epoch})


def test_a_step_is_an_epoch_and_the_last_one_says_so(make):
    actor = make(trial(epochs=2))
    first, second = actor.train(), actor.train()
    assert (first["epoch"], first["finished"], second["epoch"], second["finished"]) == (1, False, 2, True)
    assert second["done"] and "val/accuracy" in second
    assert second["system/cpu_percent"] > 0 and second["system/memory_megabytes"] > 50


def test_a_process_is_used_again_for_the_next_trial(make):
    actor = make(trial(seed=1))
    actor.train()
    assert actor.reset_config(trial(seed=2))
    assert actor.step()["epoch"] == 1


def test_a_finished_trial_that_is_restored_trains_no_more(make, tmp_path):
    actor = make(trial(epochs=1))
    done = actor.train()
    saved = save(actor, tmp_path / "t" / "checkpoint_000000")
    again = make(trial(epochs=1))
    again.restore(saved)
    result = again.step()
    assert (result["epoch"], result["finished"]) == (1, True)
    assert result["val/accuracy"] == done["val/accuracy"]


def test_a_superseded_checkpoint_is_replaced_by_the_newest_whole_one(make, tmp_path):
    actor = make(trial())
    actor.train()
    remembered = save(actor, tmp_path / "t" / "checkpoint_000000")
    actor.train()
    save(actor, tmp_path / "t" / "checkpoint_000001")
    half = tmp_path / "t" / "checkpoint_000002"
    shutil.copytree(tmp_path / "t" / "checkpoint_000001", half)
    weights = half / "network_1.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    shutil.rmtree(tmp_path / "t" / "checkpoint_000000")
    assert newest_checkpoint(tmp_path / "t").name == "checkpoint_000001"

    again = make(trial())
    again.restore(remembered)
    assert again.training_iteration == 2
    expected, actual = actor.train(), again.train()
    assert actual["training_iteration"] == 3 and actual["finished"]
    assert actual["val/loss"] == expected["val/loss"]
    pairs = zip(actor.trainer.networks[0].parameters(), again.trainer.networks[0].parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_what_our_code_says_in_the_process_is_kept_beside_the_sweep(make, tmp_path):
    make(trial())
    logging.getLogger("platform.training").warning("said in a trial")
    assert "said in a trial" in (tmp_path / "trials.log").read_text()
