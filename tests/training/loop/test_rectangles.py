"""Tall images through a whole trial: from the YAML to a step, a stage, a checkpoint and a prediction."""

import json

import pytest
import torch
from pydantic import ValidationError

from platform.config.errors import ConfigError
from platform.config.load import load_space
from platform.datasets.image_size import Size
from platform.training.checkpoints.loading import load_predictor
from platform.training.loop.trainer import Trainer
from platform.training.loop.trainer_checkpoints import restore, save_checkpoint
from platform.training.trial.trial_config import TrialConfig

TALL = {"image_size": [64, 32], "augment": {"crop": "resized"}}
ONE_NETWORK = {"method": {"name": "cross_entropy"}, "epochs": 2}


@pytest.mark.parametrize("backbone", ["test_vit", "swin_tiny_patch4_window7_224", "test_resnet"])
def test_a_network_of_each_kind_learns_from_tall_images(backbone, make_config, noisy_digits):
    trainer = Trainer(make_config(model={"backbone": backbone}, **ONE_NETWORK, **TALL), noisy_digits)
    batch = next(trainer.train_loader.epoch(0))
    assert batch.images.shape == (32, 3, 64, 32)
    first, *_, last = trainer.networks[0].parameters()
    before = first.clone(), last.clone()
    (output,) = trainer.train_step([batch])
    assert torch.isfinite(output.losses[0])
    assert not torch.equal(first, before[0]) and not torch.equal(last, before[1])


def test_a_trial_of_tall_images_that_was_stopped_ends_as_one_that_was_not_and_predicts_the_same(
    make_config, noisy_digits, tmp_path, differences
):
    stages = [{"epochs": 1}, {"epochs": 2, "image_size": [32, 48], "augment": {"crop": "padded"}}]
    config = make_config(
        model={"backbone": "test_vit"}, peer_model={"backbone": "test_resnet"}, stages=stages, **TALL
    )
    whole = Trainer(config, noisy_digits)
    for _ in range(3):
        whole.train_epoch()
    first = Trainer(config, noisy_digits)
    first.train_epoch()
    save_checkpoint(tmp_path / "first", first)
    second = Trainer(config, noisy_digits)
    restore(tmp_path / "first", second)
    for _ in range(2):
        second.train_epoch()
    assert differences(whole.state_dict(), second.state_dict()) == []
    save_checkpoint(tmp_path / "last", second)

    for name, trainer, size, seen in (("first", first, (64, 32), True), ("last", second, (32, 48), False)):
        predictor = load_predictor(tmp_path / name)
        assert (predictor.image_size, predictor.whole) == (size, seen)
        right = predictor.probabilities(predictor.loader(noisy_digits, "val")).argmax(
            1
        ) == noisy_digits.given("val")
        assert right.mean() == trainer.metrics["val/accuracy"]


def test_squares_that_were_trained_on_whole_images_are_evaluated_so(make_config, noisy_digits, tmp_path):
    config = make_config(augment={"crop": "resized"}, image_size=80, **ONE_NETWORK)
    trainer = Trainer(config, noisy_digits)
    plain = Trainer(make_config(image_size=80, **ONE_NETWORK), noisy_digits)
    whole, centre = (next(iter(one.stage.val_loader)).images for one in (trainer, plain))
    assert whole.shape == centre.shape
    assert not torch.equal(whole, centre)
    save_checkpoint(tmp_path / "whole", trainer)
    predictor = load_predictor(tmp_path / "whole")
    assert torch.equal(next(iter(predictor.loader(noisy_digits, "val"))).images, whole)


def test_a_checkpoint_from_before_there_were_rectangles_sees_what_it_saw(make_config, noisy_digits, tmp_path):
    trainer = Trainer(make_config(image_size=80, **ONE_NETWORK), noisy_digits)
    save_checkpoint(tmp_path / "old", trainer)
    file = tmp_path / "old" / "checkpoint.json"
    description = json.loads(file.read_text())
    assert (description["image_size"], description["trial"]["image_size"]) == (80, 80)
    del description["sees_whole"], description["trial"]["augment"]["resize"]
    file.write_text(json.dumps(description))
    predictor = load_predictor(tmp_path / "old")
    pictures = next(iter(predictor.loader(noisy_digits, "val"))).images
    assert torch.equal(pictures, next(iter(trainer.stage.val_loader)).images)


def test_a_config_is_dumped_as_it_was_written(make_config):
    config = make_config(**TALL, stages=[{}, {"image_size": 48}, {"image_size": [48, 96]}])
    assert config.image_size == Size(64, 32)
    assert config.largest_image == Size(64, 96)
    dumped = config.model_dump(mode="json")
    assert dumped["image_size"] == [64, 32]
    assert dumped["stages"] == [{}, {"image_size": 48}, {"image_size": [48, 96]}]
    assert config.model_dump()["image_size"] == [64, 32]
    assert TrialConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("sections", "path", "message", "value"),
    [
        ({"image_size": [64, 40]}, "image_size", "must be a multiple of 16 for test_vit", [64, 40]),
        ({"augment": {"padding": 32}}, "augment.padding", "< both sides of image_size (64x32)", 32),
    ],
)
def test_what_does_not_fit_both_sides_is_refused_at_its_field(sections, path, message, value, make_config):
    with pytest.raises(ValidationError) as raised:
        make_config(**({"image_size": [64, 32], "model": {"backbone": "test_vit"}} | sections))
    (error,) = raised.value.errors()
    assert (error["ctx"]["problems"][0].path, error["ctx"]["problems"][0].value) == (path, value)
    assert message in error["ctx"]["problems"][0].message


@pytest.fixture
def load(tmp_path):
    def load_size(image_size):
        path = tmp_path / "space.yaml"
        settings = "model: {backbone: test_resnet}\nmethod: {name: peer}\n"
        path.write_text(f"{settings}image_size: {image_size}\n")
        return load_space(path, TrialConfig)

    return load_size


def test_a_space_may_hold_squares_and_others(load):
    loaded = load("{choice: [32, [64, 32], [{int: [96, 128]}, 64]]}")
    assert [corner.image_size for corner in loaded.corners()] == [(32, 32), (64, 32), (96, 64), (128, 64)]
    assert loaded.space.parameters()[0].range.labels[:2] == (32, "[64, 32]")


@pytest.mark.parametrize(
    ("image_size", "message"),
    [
        ("[256]", "3:13: image_size: must be a whole number or [height, width], got [256]"),
        ("[256, 128, 3]", "3:13: image_size: must be a whole number or [height, width], got [256, 128, 3]"),
        ("[0, 5]", "3:13: image_size: must be >= 8, got [0, 5]"),
        ("4", "3:13: image_size: must be >= 8, got 4"),
        ("{int: [4, 64]}", "3:20: image_size: must be >= 8, got 4 (the lower end of its range)"),
        (
            "{choise: [32, 64]}",
            "3:13: image_size: must be a whole number or [height, width], got {'choise': [32, 64]}; "
            "did you mean 'choice'?",
        ),
    ],
)
def test_what_is_no_size_is_one_line(image_size, message, load):
    with pytest.raises(ConfigError) as raised:
        load(image_size)
    assert str(raised.value).split("space.yaml:")[1] == message
    assert "\n" not in str(raised.value)
