import json
import pickle
from typing import Any

import pytest
import torch

from platform.methods import method_names
from platform.training.checkpoints.loading import load_predictor
from platform.training.errors import CheckpointError
from platform.training.loop.trainer import Trainer
from platform.training.loop.trainer_checkpoints import restore, save_checkpoint

AVERAGED: dict[str, Any] = {
    "optim": {"name": "adamw", "lr": 0.001, "clip_norm": 1.0},
    "ema": {"decay": 0.9},
    "schedule": {"name": "one_cycle", "warmup_epochs": 1},
}
OTHERS: dict[str, dict[str, Any]] = {
    "sgd": {"optim": {"lr": 0.02}},
    "bf16": {"precision": "bf16", "image_size": 8} | AVERAGED,
    "fp16, channels last": {
        "precision": "fp16",
        "channels_last": True,
        "image_size": 8,
        "schedule": {"name": "step"},
    },
}


@pytest.mark.parametrize(
    ("method", "recipe"),
    [
        *(pytest.param(method, AVERAGED, id=method) for method in method_names()),
        *(pytest.param("cross_entropy", recipe, id=name) for name, recipe in OTHERS.items()),
    ],
)
def test_a_trial_that_was_stopped_ends_as_one_that_was_not(
    method, recipe, make_config, noisy_digits, tmp_path, differences
):
    config = make_config(method={"name": method}, epochs=4, **recipe)
    whole = Trainer(config, noisy_digits)
    for _ in range(3):
        whole.train_epoch()

    first = Trainer(config, noisy_digits)
    first.train_epoch()
    save_checkpoint(tmp_path / "checkpoint", first)
    torch.manual_seed(99)
    second = Trainer(config, noisy_digits)
    restore(tmp_path / "checkpoint", second)
    assert differences(first.state_dict(), second.state_dict()) == []
    for _ in range(2):
        second.train_epoch()
    assert differences(whole.state_dict(), second.state_dict()) == []


@pytest.fixture
def trainer(make_config, noisy_digits):
    trainer = Trainer(make_config(ema={"decay": 0.5}, peer_model={"backbone": "test_vit"}), noisy_digits)
    trainer.train_epoch()
    return trainer


@pytest.fixture
def checkpoint(trainer, tmp_path):
    save_checkpoint(tmp_path / "checkpoint", trainer)
    return tmp_path / "checkpoint"


def test_the_folder_holds_safetensors_and_plain_json(checkpoint):
    assert sorted(path.name for path in checkpoint.iterdir()) == [
        "checkpoint.json",
        "network_1.safetensors",
        "network_1_ema.safetensors",
        "network_2.safetensors",
        "network_2_ema.safetensors",
        "samples.parquet",
        "training_state.pt",
    ]
    torch.load(checkpoint / "training_state.pt", weights_only=True)
    description = json.loads((checkpoint / "checkpoint.json").read_text())
    assert description["epoch"] == 1
    assert description["image_size"] == 16
    assert [one["section"]["stem"] for one in description["networks"]] == ["small", "original"]
    assert description["metrics"]["val/accuracy"] >= 0


def test_the_predictor_predicts_what_was_evaluated(checkpoint, trainer, noisy_digits):
    predictor = load_predictor(checkpoint)
    assert predictor.classes == noisy_digits.classes
    assert predictor.image_size == (16, 16)
    assert predictor.config == trainer.config
    loader = predictor.loader(noisy_digits, "val")
    own_MNC = predictor.network_probabilities(loader)
    mean_NC = predictor.probabilities(loader)
    assert own_MNC.shape == (2, 40, 10)
    assert mean_NC == pytest.approx(own_MNC.mean(0))
    assert mean_NC.sum(1) == pytest.approx(1, abs=1e-5)
    right = mean_NC.argmax(1) == noisy_digits.given("val")
    assert right.mean() == trainer.metrics["val/accuracy"]


def test_an_older_checkpoint_is_replaced_and_nothing_is_left_beside(checkpoint, trainer):
    trainer.train_epoch()
    (checkpoint / "stale").touch()
    save_checkpoint(checkpoint, trainer)
    assert not (checkpoint / "stale").exists()
    assert json.loads((checkpoint / "checkpoint.json").read_text())["epoch"] == 2
    assert [path.name for path in checkpoint.parent.iterdir()] == ["checkpoint"]


def test_a_checkpoint_that_cannot_be_written_leaves_the_older_one(checkpoint, trainer):
    before = (checkpoint / "checkpoint.json").read_bytes()
    trainer.history = [{"val/accuracy": object()}]  # the last of the files fails
    with pytest.raises(TypeError):
        save_checkpoint(checkpoint, trainer)
    assert (checkpoint / "checkpoint.json").read_bytes() == before
    assert [path.name for path in checkpoint.parent.iterdir()] == ["checkpoint"]


def test_an_empty_folder_is_taken(trainer, tmp_path):
    (tmp_path / "given_by_tune").mkdir()
    save_checkpoint(tmp_path / "given_by_tune", trainer)
    assert load_predictor(tmp_path / "given_by_tune").classes == trainer.data.classes


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 5}, "of another trial: trial.seed is 0 there and 5 here"),
        (
            {"model": {"backbone": "test_convnext"}},
            "trial.model.backbone is 'test_resnet' there and 'test_convnext'",
        ),
    ],
)
def test_a_checkpoint_of_another_trial_is_refused(change, message, checkpoint, make_config, noisy_digits):
    sections = {"ema": {"decay": 0.5}, "peer_model": {"backbone": "test_vit"}} | change
    with pytest.raises(CheckpointError, match=message):
        restore(checkpoint, Trainer(make_config(**sections), noisy_digits))


class Hostile:
    def __reduce__(self):
        return print, ("executed",)


def truncated(path):
    path.write_bytes(path.read_bytes()[:-100])


def pickled(path):
    path.write_bytes(pickle.dumps(Hostile(), protocol=2))


def removed(path):
    path.unlink()


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("network_2.safetensors", truncated, "network_2.safetensors: broken, or of another network"),
        ("network_1.safetensors", removed, "network_1.safetensors: is missing"),
        ("training_state.pt", truncated, "training_state.pt: broken"),
        ("training_state.pt", pickled, "training_state.pt: broken, or holds more than tensors"),
        ("training_state.pt", removed, "training_state.pt: is missing"),
        ("checkpoint.json", truncated, "checkpoint.json: broken"),
        ("checkpoint.json", removed, "no checkpoint here"),
    ],
)
def test_a_broken_checkpoint_is_one_line(name, damage, message, checkpoint, trainer, capsys):
    damage(checkpoint / name)
    with pytest.raises(CheckpointError, match=message) as raised:
        restore(checkpoint, trainer)
    assert "\n" not in str(raised.value)
    assert "executed" not in capsys.readouterr().out


def test_data_of_other_classes_are_refused(checkpoint, noisy_digits):
    from dataclasses import replace

    from platform.config.errors import UserError

    fewer = replace(noisy_digits, classes=noisy_digits.classes[:3])
    with pytest.raises(UserError, match="knows 10 classes .*, the data have 3"):
        load_predictor(checkpoint).loader(fewer, "val")
