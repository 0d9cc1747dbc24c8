"""A trial as Tune runs it: an epoch a step, saved, restored, and used again for the next trial."""

import logging
import shutil

import pytest
import torch
from ray import tune

from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.prepare import prepare
from platform.storage.folder import Folder
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.trial.kept_checkpoints import Keeping
from platform.tuning.trial.trainable import Place, TrialTrainable


def trial(number=0, **settings):
    sections = {
        "epochs": 3,
        "batch_size": 256,
        "image_size": 8,
        "model": {"backbone": "test_resnet"},
        "method": {"name": "cross_entropy"},
        "schedule": {"name": "constant", "warmup_epochs": 0},
    }
    config = TrialConfig.model_validate(sections | settings, strict=False)
    return {"number": number, "parameters": {}, "trial": config.model_dump(mode="json")}


@pytest.fixture(scope="module")
def data():
    return prepare(DataConfig(), 8)


@pytest.fixture
def make(local_ray, data, tmp_path):
    log = logging.getLogger("platform")
    before = log.handlers[:], log.level
    place = Place("cpu", 1, tmp_path, Keeping(Folder.of(tmp_path / "trials"), "val/loss", "min", 1))
    trainable = tune.with_parameters(TrialTrainable, data=data, place=place)
    yield lambda config: trainable(config)
    for handler in log.handlers:
        handler.close()
    log.handlers[:], log.level = before


def test_a_step_is_an_epoch_and_the_last_one_says_so(make):
    actor = make(trial(epochs=2))
    first, second = actor.train(), actor.train()
    assert (first["epoch"], first["finished"], second["epoch"], second["finished"]) == (1, False, 2, True)
    assert second["done"] and "val/accuracy" in second
    assert second["system/cpu_percent"] > 0 and second["system/memory_megabytes"] > 50


def test_a_process_is_used_again_for_the_next_trial(make):
    actor = make(trial(seed=1))
    actor.train()
    assert actor.reset(trial(seed=2, number=1))
    assert actor.step()["epoch"] == 1


def untimed(result):
    return {name: value for name, value in result.items() if "/" in name}


def test_a_finished_trial_that_starts_again_tells_of_its_epochs_and_trains_no_more(make):
    actor = make(trial(epochs=2))
    told = [actor.train(), actor.train()]
    again = make(trial(epochs=2))
    again.trainer.train_epoch = None
    heard = [again.train(), again.train()]
    assert [(each["epoch"], each["finished"], each["done"]) for each in heard] == [
        (1, False, False),
        (2, True, True),
    ]
    assert [untimed(each) for each in heard] == [untimed(each) for each in told]


def test_a_trial_that_starts_again_goes_on_from_its_newest_whole_checkpoint(make, tmp_path):
    actor = make(trial())
    told = [actor.train(), actor.train()]
    own = tmp_path / "trials" / "0000"
    half = own / "checkpoint_000003"
    shutil.copytree(own / "checkpoint_000002", half)
    weights = half / "network_1.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])

    again = make(trial())
    assert [untimed(again.train()) for _ in told] == [untimed(each) for each in told]
    assert again.trainer.epoch == 2
    expected, actual = actor.train(), again.train()
    assert actual["training_iteration"] == 3 and actual["finished"]
    assert actual["val/loss"] == expected["val/loss"]
    pairs = zip(actor.trainer.networks[0].parameters(), again.trainer.networks[0].parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)


def test_a_trial_that_tune_pauses_goes_on_where_it_was(make, tmp_path):
    actor = make(trial())
    actor.train()
    saved = actor.save(str(tmp_path / "paused"))
    again = make(trial())
    again.restore(saved)
    assert again.train()["epoch"] == 2


def test_what_our_code_says_in_the_process_is_kept_beside_the_sweep(make, tmp_path):
    make(trial())
    logging.getLogger("platform.training").warning("said in a trial")
    assert "said in a trial" in (tmp_path / "trials.log").read_text()


def test_a_machine_that_does_not_see_the_sweeps_folder_says_so_and_writes_nothing(local_ray, data, tmp_path):
    place = Place(
        "cpu", 1, tmp_path / "elsewhere", Keeping(Folder.of(tmp_path / "trials"), "val/loss", "min", 1)
    )
    actor = tune.with_parameters(TrialTrainable, data=data, place=place)(trial())
    told = actor.train()
    assert told["done"]
    assert told["failure"].startswith(f"UserError: {tmp_path}/elsewhere: does not exist on the machine ")
    assert not any(tmp_path.iterdir())
