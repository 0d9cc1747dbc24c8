"""Number format and memory layout suit the device, and a trial keeps those that it began with."""

import json

import pytest
import torch
from timm import create_model

from platform.training.checkpoints.loading import load_predictor
from platform.training.errors import CheckpointError
from platform.training.loop.trainer import Trainer
from platform.training.loop.trainer_checkpoints import restore, save_checkpoint
from platform.training.optimisation.memory_layout import is_channels_last
from platform.training.optimisation.precision import automatic_precision, tensor_float32

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def checkpoint(make_config, noisy_digits, tmp_path):
    """A checkpoint after one of two epochs, and ``change(key=value)``, which edits its description."""
    folder = tmp_path / "checkpoint"

    def make(trial=None, **changes):
        trainer = Trainer(make_config(epochs=2), noisy_digits)
        trainer.train_epoch()
        save_checkpoint(folder, trainer)
        file = folder / "checkpoint.json"
        description = json.loads(file.read_text()) | changes
        description["trial"] |= trial or {}
        file.write_text(json.dumps({key: value for key, value in description.items() if value is not None}))
        return folder

    return make


def test_on_a_cpu_automatic_is_fp32_and_contiguous_and_nothing_is_measured(make_config, noisy_digits, caplog):
    with caplog.at_level("INFO", logger="platform"):
        trainer = Trainer(make_config(), noisy_digits)
        assert (trainer.config.precision, trainer.config.channels_last) == ("auto", "auto")
        assert (trainer.precision, trainer.channels_last) == ("fp32", False)
    assert "precision auto: fp32 on the CPU" in caplog.messages
    assert " ms" not in caplog.text


@pytest.mark.parametrize(
    ("backbone", "is_last"), [("test_resnet", True), ("test_convnext", True), ("test_vit", False)]
)
def test_on_a_gpu_convolutional_networks_are_channels_last(backbone, is_last):
    network = create_model(backbone)
    assert is_channels_last("auto", [network], GPU) == is_last
    assert not is_channels_last("auto", [network], CPU)
    assert is_channels_last(True, [network], CPU)
    assert not is_channels_last(False, [network], GPU)
    assert is_channels_last("auto", [network, create_model("test_resnet")], GPU)


@pytest.mark.skipif(torch.cuda.is_available(), reason="for machines without a GPU")
def test_a_cpu_has_no_automatic_bf16():
    assert automatic_precision(CPU) == "fp32"


def test_tensor_float32_holds_within_its_context_on_a_gpu():
    before = torch.get_float32_matmul_precision()
    with tensor_float32(GPU):
        assert torch.get_float32_matmul_precision() == "high"
        assert torch.backends.cuda.matmul.fp32_precision == "tf32"
    assert torch.get_float32_matmul_precision() == before
    with tensor_float32(CPU):
        assert torch.get_float32_matmul_precision() == before


def test_a_checkpoint_of_the_defaults_before_is_gone_on_with(checkpoint, make_config, noisy_digits):
    """The defaults were fp32 and contiguous, and the description had no layout of its own."""
    folder = checkpoint({"precision": "fp32", "channels_last": False}, channels_last=None, device=None)
    trainer = Trainer(make_config(epochs=2), noisy_digits)
    restore(folder, trainer)
    assert (trainer.epoch, trainer.precision, trainer.channels_last) == (1, "fp32", False)
    assert load_predictor(folder).channels_last is False


def test_a_trial_keeps_what_auto_chose_where_it_began(checkpoint, make_config, noisy_digits):
    """As one that began on a GPU and goes on here."""
    folder = checkpoint(precision="bf16", channels_last=True, device="cuda")
    trainer = Trainer(make_config(epochs=2), noisy_digits)
    restore(folder, trainer)
    assert (trainer.precision, trainer.channels_last) == ("bf16", True)
    weight = next(weight for weight in trainer.networks[0].parameters() if weight.dim() == 4)
    assert weight.is_contiguous(memory_format=torch.channels_last)
    assert "val/accuracy" in trainer.train_epoch()


def test_a_trial_that_names_its_precision_does_not_go_on_in_another(checkpoint, make_config, noisy_digits):
    folder = checkpoint({"precision": "bf16"}, precision="bf16")
    trainer = Trainer(make_config(epochs=2, precision="fp32"), noisy_digits)
    with pytest.raises(CheckpointError, match=r"trial\.precision is 'bf16' there and 'fp32' here"):
        restore(folder, trainer)


@pytest.mark.parametrize(
    ("written", "device", "expected"),
    [("auto", "cuda", "fp32"), ("bf16", "cuda", "bf16"), ("auto", "cpu", "bf16"), ("auto", None, "bf16")],
)
def test_what_auto_chose_on_a_gpu_predicts_in_fp32_on_a_cpu(written, device, expected, checkpoint):
    folder = checkpoint({"precision": written}, precision="bf16", device=device)
    assert load_predictor(folder).precision == expected


def test_the_layout_can_be_taken_over_between_epochs(make_config, noisy_digits):
    trainer = Trainer(make_config(ema={"decay": 0.9}), noisy_digits)
    trainer.use_layout(channels_last=True)
    for network in (trainer.networks[0], trainer.averages[0].network):
        weight = next(weight for weight in network.parameters() if weight.dim() == 4)
        assert weight.is_contiguous(memory_format=torch.channels_last)
    assert trainer.state_dict()["channels_last"] is True
