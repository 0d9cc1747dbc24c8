import dataclasses
import math

import pytest
import torch

from platform.methods import method_names
from platform.training.errors import TrainingDiverged
from platform.training.loop.trainer import Trainer

METHODS = method_names()


def weights_of(trainer):
    return {
        f"{kind}.{number}.{name}": value.clone()
        for kind, networks in (("raw", trainer.networks), ("evaluated", trainer.evaluated_networks))
        for number, network in enumerate(networks)
        for name, value in network.state_dict().items()
    }


def assert_equal_weights(one, other):
    assert one.keys() == other.keys()
    assert [name for name in one if not torch.equal(one[name], other[name])] == []


def without_time(metrics):
    return {name: value for name, value in metrics.items() if not name.startswith("time/")}


@pytest.mark.parametrize("method", METHODS)
def test_an_epoch_reports_what_the_design_names(method, make_config, noisy_digits):
    trainer = Trainer(make_config(method={"name": method}, epochs=4), noisy_digits)
    metrics = trainer.train_epoch()
    names = {"train/loss", "train/lr", "val/accuracy", "val/macro_accuracy", "val/loss", "val/ece"}
    assert names | {"time/epoch_s", "time/images_per_s"} <= metrics.keys()
    assert all(isinstance(value, float) and math.isfinite(value) for value in metrics.values())
    assert trainer.epoch == 1
    assert trainer.step == 3, "94 images in batches of 32"
    if method == "peer":
        peers = {"train/agreement", "train/drop_rate", "val/accuracy_network_1", "val/accuracy_network_2"}
        assert peers <= metrics.keys()


def test_metrics_are_means_over_samples_not_batches(make_config, noisy_digits, monkeypatch):
    """The last of the batches is smaller than the others."""
    trainer = Trainer(make_config(), noisy_digits)
    seen = []
    train_step = trainer.train_step

    def noting(batches, **options):
        outputs = train_step(batches, **options)
        seen.append((len(batches[0]), outputs[0].metrics["agreement"].item()))
        return outputs

    monkeypatch.setattr(trainer, "train_step", noting)
    metrics = trainer.train_epoch()
    assert [size for size, _ in seen] == [32, 32, 30]
    assert metrics["train/agreement"] == pytest.approx(sum(size * value for size, value in seen) / 94)


def test_the_same_config_gives_the_same_trial(make_config, noisy_digits):
    first, second, other = (
        Trainer(make_config(seed=seed, ema={"decay": 0.9}), noisy_digits) for seed in (0, 0, 1)
    )
    torch.manual_seed(123)
    metrics = [without_time(trainer.train_epoch()) for trainer in (first, second, other)]
    assert metrics[0] == metrics[1] != metrics[2]
    assert_equal_weights(weights_of(first), weights_of(second))


def test_the_networks_of_a_trial_start_differently(make_config, noisy_digits):
    one, two = Trainer(make_config(), noisy_digits).networks
    assert not torch.equal(one.get_parameter("fc.weight"), two.get_parameter("fc.weight"))


def test_it_leaves_the_process_as_it_was(make_config, noisy_digits):
    assert torch.get_num_threads() == 1
    trainer = Trainer(make_config(precision="bf16"), noisy_digits, threads=2)
    trainer.train_epoch()
    assert torch.get_num_threads() == 1
    assert torch.get_default_dtype() == torch.float32
    assert torch.is_grad_enabled()
    assert not torch.is_autocast_enabled("cpu")


@pytest.mark.parametrize("network", [0, 1])
def test_a_loss_that_is_not_finite_ends_the_trial_before_the_update(network, make_config, noisy_digits):
    trainer = Trainer(
        make_config(optim={"lr": 0.03}, schedule={"name": "constant", "warmup_epochs": 0}), noisy_digits
    )
    trainer.train_epoch()
    with torch.no_grad():
        trainer.networks[network].fc.weight[0, 0] = math.nan
    before = weights_of(trainer)
    message = rf"the loss of network {network + 1} is nan in epoch 2, step 4, at learning rate 0.03"
    with pytest.raises(TrainingDiverged, match=message):
        trainer.train_epoch()
    after = weights_of(trainer)
    parameters = {
        f"raw.{place}.{name}" for place in (0, 1) for name, _ in trainer.networks[place].named_parameters()
    }
    changed = {
        name for name in parameters if not torch.equal(before[name].nan_to_num(7), after[name].nan_to_num(7))
    }
    assert changed == set()
    assert trainer.epoch == 1


def test_too_large_a_learning_rate_diverges_and_says_so(make_config, noisy_digits):
    config = make_config(optim={"lr": 1e20}, schedule={"name": "constant", "warmup_epochs": 0})
    trainer = Trainer(config, noisy_digits)
    with pytest.raises(TrainingDiverged, match=r"learning rate 1e\+20"):
        trainer.train_epoch()


def test_weights_that_break_in_the_last_step_are_noticed(make_config, noisy_digits):
    trainer = Trainer(make_config(), noisy_digits)
    with torch.no_grad():
        trainer.networks[1].fc.bias[0] = math.inf
    with pytest.raises(TrainingDiverged, match="network 2 predicts what is not a number after step 0"):
        trainer.evaluate()


def test_the_gradients_of_each_network_are_clipped(make_config, noisy_digits):
    trainer = Trainer(make_config(optim={"lr": 0.02, "clip_norm": 0.01}), noisy_digits)
    trainer.train_step([next(trainer.train_loader.epoch(0))])
    for network in trainer.networks:
        norm = torch.stack([weight.grad.norm() for weight in network.parameters()]).norm()
        assert norm == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_the_learning_rate_follows_the_schedule(schedule, make_config, noisy_digits):
    config = make_config(
        schedule={"name": schedule, "warmup_epochs": 1}, epochs=4, method={"name": "cross_entropy"}
    )
    trainer = Trainer(config, noisy_digits)
    rates = [trainer.train_epoch()["train/lr"] for _ in range(4)]
    assert max(rates) <= 0.02
    assert rates[1] > rates[2] > rates[3]


def test_the_moving_average_is_what_is_evaluated(make_config, noisy_digits):
    config = make_config(method={"name": "cross_entropy"}, ema={"decay": 0.9, "warmup": False})
    trainer = Trainer(config, noisy_digits)
    expected = None
    for batch in trainer.train_loader.epoch(0):
        trainer.train_step([batch])
        now = trainer.networks[0].fc.weight.detach().clone()
        expected = now if expected is None else 0.9 * expected + 0.1 * now
    averaged = trainer.evaluated_networks[0]
    torch.testing.assert_close(averaged.fc.weight, expected)
    with torch.no_grad():
        averaged.fc.weight.zero_()
        averaged.fc.bias.zero_()
        averaged.fc.bias[3] = 9
    assert trainer.evaluate()["val/accuracy"] == (noisy_digits.given("val") == 3).mean()


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_is_near_to_float32(precision, make_config, noisy_digits):
    method = {"name": "cross_entropy"}
    reference = Trainer(make_config(method=method, model={"backbone": "test_resnet"}), noisy_digits)
    trainer = Trainer(
        make_config(method=method, model={"backbone": "test_resnet"}, precision=precision), noisy_digits
    )
    batch = next(trainer.train_loader.epoch(0))
    expected, found = (each.train_step([batch])[0].losses[0].item() for each in (reference, trainer))
    assert found != expected
    assert found == pytest.approx(expected, rel=0.02)
    assert all(weight.dtype == torch.float32 for weight in trainer.networks[0].parameters())
    assert trainer.scaler.is_enabled() == (precision == "fp16")


def test_the_memory_layout_is_as_asked(make_config, noisy_digits):
    for is_last in (False, True):
        trainer = Trainer(make_config(channels_last=is_last), noisy_digits)
        trainer.train_epoch()
        weight = trainer.networks[0].layer1[0].conv2.weight
        assert weight.is_contiguous(memory_format=torch.channels_last) == is_last


def test_two_architectures_learn_together(make_config, noisy_digits):
    config = make_config(peer_model={"backbone": "test_vit"})
    trainer = Trainer(config, noisy_digits)
    metrics = trainer.train_epoch()
    assert [type(network).__name__ for network in trainer.networks] == ["ResNet", "VisionTransformer"]
    assert metrics["val/accuracy"] > 0


def test_a_state_goes_on_where_it_was_taken(make_config, noisy_digits):
    config = make_config(ema={"decay": 0.9})
    whole = Trainer(config, noisy_digits)
    whole.train_epoch()
    part = Trainer(config, noisy_digits)
    part.load_state_dict(whole.state_dict())
    assert (part.epoch, part.step, part.metrics) == (1, 3, whole.metrics)
    assert_equal_weights(weights_of(whole), weights_of(part))


def test_a_trial_needs_a_validation_split(make_config, noisy_digits):
    manifest = noisy_digits.manifest.assign(split="train")
    with pytest.raises(ValueError, match="no val split"):
        Trainer(make_config(), dataclasses.replace(noisy_digits, manifest=manifest))


def test_as_many_threads_load_images_as_the_trial_has(make_config, noisy_digits):
    trainer = Trainer(make_config(), noisy_digits, threads=3)
    loaders = (trainer.train_loader, trainer.stage.val_loader)
    assert [loader._feed._threads for loader in loaders] == [3, 3]
