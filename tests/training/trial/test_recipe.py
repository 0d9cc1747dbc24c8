"""What a modern recipe adds to the loop: accumulation, averages, number formats, compiling."""

import logging

import pytest
import torch

from platform.training.checkpoints.loading import load_predictor
from platform.training.errors import TrialError
from platform.training.loop.trainer import Trainer
from platform.training.loop.trainer_checkpoints import save_checkpoint
from platform.training.optimisation.compiling import compile_network
from platform.training.optimisation.precision import settle
from platform.training.trial.recipe import difference, inherit

PLAIN = {"model": {"backbone": "test_vit"}, "method": {"name": "cross_entropy"}, "augment": {"crop": "none"}}


def test_accumulated_batches_make_the_update_of_one_large_batch(make_config, noisy_digits):
    """Without batch norm; 94 images in batches of 16 are five of 16 and one of 14."""
    large = Trainer(make_config(**PLAIN, batch_size=32, epochs=1), noisy_digits)
    small = Trainer(make_config(**PLAIN, batch_size=16, grad_accum_steps=2, epochs=1), noisy_digits)
    for trainer in (large, small):
        trainer.train_epoch()
        assert trainer.step == 3
    for one, other in zip(large.networks[0].parameters(), small.networks[0].parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-5)


def test_a_last_update_of_fewer_batches_is_their_mean(make_config, noisy_digits):
    trainer = Trainer(make_config(**PLAIN, batch_size=32, grad_accum_steps=2, epochs=1), noisy_digits)
    assert [len(batches) for batches in trainer.stage.updates(0)] == [2, 1]
    trainer.train_epoch()
    assert trainer.step == 2


@pytest.mark.parametrize("ranked", ["ema", "raw"])
def test_averaged_and_raw_weights_are_evaluated_side_by_side(ranked, make_config, noisy_digits, tmp_path):
    other = {"ema": "raw", "raw": "ema"}[ranked]
    metrics = {}
    for which in ("ema", "raw"):
        trainer = Trainer(make_config(ema={"decay": 0.9, "ranked": which}), noisy_digits)
        metrics[which] = trainer.train_epoch()
        if which == ranked:
            save_checkpoint(tmp_path / "checkpoint", trainer)
    for name in ("accuracy", "macro_accuracy", "loss", "ece"):
        assert metrics[ranked][f"val/{other}_{name}"] == metrics[other][f"val/{name}"]
    predictor = load_predictor(tmp_path / "checkpoint")
    right = predictor.probabilities(predictor.loader(noisy_digits, "val")).argmax(1) == noisy_digits.given(
        "val"
    )
    assert right.mean() == metrics[ranked]["val/accuracy"]


def test_a_measured_precision_is_said_and_kept(make_config, noisy_digits, tmp_path, caplog):
    with caplog.at_level(logging.INFO, "platform"):
        trainer = Trainer(make_config(precision="measured"), noisy_digits)
        trainer.train_epoch()
    (said,) = [record.message for record in caplog.records if "precision measured" in record.message]
    assert trainer.precision in ("fp32", "bf16")
    assert trainer.precision in said and "fp32" in said and "bf16" in said and " ms" in said
    save_checkpoint(tmp_path / "checkpoint", trainer)
    assert load_predictor(tmp_path / "checkpoint").precision == trainer.precision


def test_timing_changes_neither_weights_nor_random_numbers(make_config, noisy_digits):
    trainer = Trainer(make_config(), noisy_digits)
    before = [value.clone() for value in trainer.networks[0].state_dict().values()]
    images = torch.rand(4, 3, 16, 16)
    state = torch.get_rng_state()
    settle("measured", trainer.networks, trainer.device, lambda: images)
    assert torch.equal(torch.get_rng_state(), state)
    after = trainer.networks[0].state_dict().values()
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    assert all(parameter.grad is None for parameter in trainer.networks[0].parameters())


def test_compiling_without_a_compiler_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(TrialError, match=r"compile: true needs a C\+\+ compiler"):
        compile_network(torch.nn.Linear(2, 2), torch.device("cpu"))


def test_each_network_has_its_own_optimiser(make_config, noisy_digits):
    config = make_config(
        peer_model={"backbone": "test_vit"}, peer_optim={"name": "adamw", "lr": 0.001, "layer_decay": 0.5}
    )
    first, second = Trainer(config, noisy_digits).stage.optimisers
    assert (type(first).__name__, type(second).__name__) == ("SGD", "AdamW")
    assert {group.get("lr_scale", 1.0) for group in first.param_groups} == {1.0}
    assert {group["lr_scale"] for group in second.param_groups} == {0.5**power for power in range(8)}


@pytest.mark.parametrize(
    ("base", "override", "expected"),
    [
        ({"a": 1, "b": {"c": 2}}, {"b": {"d": 3}}, {"a": 1, "b": {"c": 2, "d": 3}}),
        ({"b": {"name": "x", "c": 2}}, {"b": {"name": "y"}}, {"b": {"name": "y"}}),
        ({"b": {"c": 2}}, {"b": {"name": "y"}}, {"b": {"c": 2, "name": "y"}}),
        ({"b": {"c": 2}}, {"b": None}, {"b": None}),
        ({"b": None}, {"b": {"c": 2}}, {"b": {"c": 2}}),
    ],
)
def test_sections_are_laid_over_each_other(base, override, expected):
    assert inherit(base, override) == expected
    assert inherit(base, difference(base, expected)) == expected


@pytest.mark.sweep
def test_a_compiled_network_computes_the_same_under_the_same_names():
    network = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU())
    images = torch.randn(5, 4)
    expected, names = network(images), list(network.state_dict())
    compile_network(network, torch.device("cpu"))
    torch.testing.assert_close(network(images), expected)
    assert list(network.state_dict()) == names
