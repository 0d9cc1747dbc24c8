"""``init_from``: from the folder that a user names to weights in a network, or one line why not."""

import pickle
import shutil

import pytest
import torch

from platform.config.errors import UserError
from platform.config.load import load_space
from platform.training.loop.trainer import Trainer
from platform.training.loop.trainer_checkpoints import save_checkpoint
from platform.tuning.folder.starting_point import find_start
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.space.buildable import check_buildable
from tests.sweep_records import made_record

CLASSES = tuple(map(str, range(10)))
YAML = """
epochs: 2
image_size: 16
data: {source: digits}
model: {backbone: test_resnet}
method: {name: cross_entropy}
"""


@pytest.fixture(scope="module")
def data(golden_steps):
    return golden_steps.few_digits()


@pytest.fixture
def space(tmp_path):
    def load(*overrides):
        file = tmp_path / "space.yaml"
        file.write_text(YAML)
        return load_space(file, SweepConfig, overrides=overrides, fixed=SWEEP_FIELDS)

    return load


@pytest.fixture(scope="module")
def sweep(data, tmp_path_factory):
    """A sweep's folder with two trials; the second one's first checkpoint is the best."""
    root = tmp_path_factory.mktemp("runs") / "earlier"
    root.mkdir()
    SweepFolder(root).write_record(made_record("earlier", metric="val/loss", mode="min"))
    file = root / "space.yaml"
    file.write_text(YAML)
    trial = load_space(file, SweepConfig, fixed=SWEEP_FIELDS).first().trial()
    trainer = Trainer(trial, data)
    for place, loss in (
        ("0000/checkpoint_000000", 0.9),
        ("0001/checkpoint_000000", 0.1),
        ("0001/checkpoint_000001", 0.5),
    ):
        trainer.train_epoch()
        trainer.history = [{"val/loss": loss}]
        save_checkpoint(root / "trials" / place, trainer)
    return SweepFolder(root)


def test_a_sweep_means_its_best_checkpoint_and_a_trial_its_own(sweep):
    best = sweep.trials / "0001" / "checkpoint_000000"
    assert find_start(str(sweep.path)) == str(best)
    assert find_start(str(best.parent)) == str(best)
    assert find_start(str(sweep.trials / "0000")) == str(sweep.trials / "0000" / "checkpoint_000000")
    last = sweep.trials / "0001" / "checkpoint_000001"
    assert find_start(str(last)) == str(last)
    assert find_start(None) is None


def test_a_trial_starts_from_those_weights(sweep, space, data):
    there = Trainer(space().first().trial(), data)
    started = Trainer(space(f"init_from={sweep.path}").first().trial(), data)
    from safetensors.torch import load_file

    weights = load_file(sweep.trials / "0001" / "checkpoint_000000" / "network_1.safetensors")
    for name, value in started.networks[0].state_dict().items():
        assert torch.equal(value, weights[name]), name
    assert any(
        not torch.equal(one, other)
        for one, other in zip(there.networks[0].parameters(), started.networks[0].parameters(), strict=True)
    )
    assert started.stage.optimisers[0].param_groups[0]["lr"] > 0


def test_a_network_with_other_classes_starts_from_the_rest_and_says_so(sweep, space, data, caplog):
    from dataclasses import replace

    more = replace(data, classes=(*data.classes, "eleventh"))
    Trainer(space(f"init_from={sweep.path}").first().trial(), more)
    assert "not loaded" in caplog.text
    assert "fc.weight, fc.bias" in caplog.text


def broken(sweep, tmp_path, change):
    folder = tmp_path / "checkpoint"
    shutil.copytree(sweep.trials / "0001" / "checkpoint_000000", folder)
    change(folder / "network_1.safetensors")
    return folder


class Hostile:
    def __reduce__(self):
        return print, ("executed",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda file: file.write_bytes(file.read_bytes()[:-100]),
            "network_1.safetensors: truncated, or no file of weights",
        ),
        (
            lambda file: file.write_bytes(pickle.dumps(Hostile())),
            "network_1.safetensors: truncated, or no file of weights",
        ),
        (lambda file: file.unlink(), "network_1.safetensors: no such file"),
    ],
    ids=["truncated", "a pickle", "missing"],
)
def test_a_broken_checkpoint_is_refused_before_the_sweep(change, message, sweep, space, tmp_path, capsys):
    folder = broken(sweep, tmp_path, change)
    with pytest.raises(UserError, match=message) as raised:
        check_buildable(space(f"init_from={folder}"), CLASSES)
    assert "\n" not in str(raised.value)
    assert "executed" not in capsys.readouterr().out


def test_a_pickle_with_code_in_it_is_refused_and_not_executed(space, tmp_path, capsys):
    file = tmp_path / "weights.pth"
    file.write_bytes(pickle.dumps({"fc.weight": Hostile()}, protocol=2))
    with pytest.raises(UserError, match=r"weights\.pth: holds Python objects") as raised:
        check_buildable(space(f"init_from={file}"), CLASSES)
    assert "\n" not in str(raised.value)
    assert "executed" not in capsys.readouterr().out


def test_another_architecture_is_refused_before_the_sweep(sweep, space):
    with pytest.raises(
        UserError, match="holds a test_resnet, which is not the test_convnext of model.backbone"
    ):
        check_buildable(space(f"init_from={sweep.path}", "model.backbone=test_convnext"), CLASSES)


def test_a_file_of_another_architecture_is_refused_before_the_sweep(sweep, space):
    file = sweep.trials / "0001" / "checkpoint_000000" / "network_1.safetensors"
    check_buildable(space(f"init_from={file}"), CLASSES)
    with pytest.raises(UserError, match="network_1.safetensors"):
        check_buildable(space(f"init_from={file}", "model.backbone=test_vit"), CLASSES)


def test_a_folder_that_is_nothing_of_ours_is_refused(space, tmp_path):
    with pytest.raises(UserError, match="is not the folder of a sweep, trial or checkpoint"):
        check_buildable(space(f"init_from={tmp_path}"), CLASSES)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["model.backbone=test_vit", "stages=[{image_size: 32}, {image_size: 40}]"],
            "stages.1.image_size: must be a multiple of 16 for test_vit, got 40",
        ),
        (
            ["optim.layer_decay=1.5"],
            "optim.layer_decay: must be auto or a number above 0, at most 1, got 1.5",
        ),
        (
            ["method={name: peer, ramp_epochs: 1}", "augment.mixing={mixup_alpha: 0.2}"],
            "augment.mixing: peer cannot learn from mixed labels, so it must be null",
        ),
        (["stages=[{epoch: 2}]"], "stages.0.epoch: unknown key 'epoch'; did you mean 'epochs'?"),
        (["stages=[{augment: {padding: -1}}]"], "stages.0.augment.padding: must be >= 0, got -1"),
        (["stages=[{}, {}]", "optim.lr=-1"], "optim.lr: must be > 0, got -1"),
    ],
)
def test_what_a_stage_cannot_be_is_one_line_at_its_place(overrides, message, space):
    with pytest.raises(UserError) as raised:
        space(*overrides)
    assert str(raised.value).count("\n") == 0
    assert message in str(raised.value)
