"""How far an epoch is, read while a real trial trains."""

import threading

import pytest
import torch

from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.prepare import prepare
from platform.training.loop.trainer import Trainer
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.trial.pulse import Pulse, forget_pulses, pulsing, read_pulse, write_pulse


@pytest.fixture(scope="module")
def data():
    return prepare(DataConfig(), 8)


def trainer(data):
    sections = {
        "epochs": 2,
        "batch_size": 16,
        "image_size": 8,
        "model": {"backbone": "test_resnet"},
        "method": {"name": "cross_entropy"},
        "schedule": {"name": "constant", "warmup_epochs": 0},
    }
    return Trainer(TrialConfig.model_validate(sections, strict=False), data, threads=1)


def weights(of):
    return torch.cat([weight.flatten() for weight in of.networks[0].state_dict().values()])


def test_a_trial_says_how_far_its_epoch_is_and_learns_the_same(data, tmp_path):
    watched, alone = trainer(data), trainer(data)
    seen, over = [], threading.Event()

    def look():
        while not over.wait(0.002):
            if (pulse := read_pulse(tmp_path, "0000")) not in (None, *seen[-1:]):
                seen.append(pulse)

    watcher = threading.Thread(target=look)
    watcher.start()
    with pulsing(watched, tmp_path, "0000", every_s=0.005):
        watched.train_epoch()
    over.set()
    watcher.join()
    assert len({pulse.done for pulse in seen}) > 2, "it goes on within the epoch"
    assert [pulse.done for pulse in seen] == sorted(pulse.done for pulse in seen)
    assert {(pulse.epoch, pulse.updates) for pulse in seen} == {(1, watched.updates_an_epoch)}
    assert seen[-1].share <= 1 and seen[-1].images_per_s > 0
    assert watched.step == watched.updates_an_epoch
    alone.train_epoch()
    assert torch.equal(weights(watched), weights(alone))


def test_a_short_epoch_writes_nothing_and_a_missing_folder_is_no_error(data, tmp_path):
    one = trainer(data)
    with pulsing(one, tmp_path, "0000"):
        pass
    assert read_pulse(tmp_path, "0000") is None
    with pulsing(one, tmp_path / "on another machine", "0000", every_s=0.001):
        one.train_epoch()
    assert list(tmp_path.iterdir()) == []


def test_pulses_of_earlier_trials_are_forgotten(tmp_path):
    write_pulse(tmp_path, "0000", Pulse(1, 2, 4, 10.0))
    assert read_pulse(tmp_path, "0000").share == 0.5
    forget_pulses(tmp_path)
    assert read_pulse(tmp_path, "0000") is None
