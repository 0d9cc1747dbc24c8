"""Losses and gradients that are not finite change no weight and are named; an epoch reports its norms."""

import math

import pytest
import torch

from platform.training.errors import TrainingDiverged
from platform.training.loop.finite import FiniteWatch
from platform.training.loop.trainer import Trainer

CPU = torch.device("cpu")
ALONE = {"name": "cross_entropy"}


class BadGradient(torch.autograd.Function):
    """The identity, whose gradient is ``value`` everywhere."""

    @staticmethod
    def forward(ctx, tensor, value):
        ctx.value = value
        return tensor.clone()

    @staticmethod
    def backward(ctx, gradient):
        return torch.full_like(gradient, ctx.value), None


def break_gradients(network, value, *, from_call):
    """Let the network's gradients be ``value`` from its call ``from_call`` (from 1) on; its outputs stay."""
    calls = []

    def broken(module, inputs, output):
        if module.training:
            calls.append(1)
        return BadGradient.apply(output, value) if len(calls) >= from_call else output

    network.register_forward_hook(broken)


def parameters_of(trainer):
    return [weight.detach().clone() for network in trainer.networks for weight in network.parameters()]


def weights_after_each_update(trainer):
    """A list that is filled while the trainer trains."""
    seen, train_step = [parameters_of(trainer)], trainer.train_step

    def recorded(batches, **options):
        try:
            return train_step(batches, **options)
        finally:
            seen.append(parameters_of(trainer))

    trainer.train_step = recorded
    return seen


def are_equal(one, other):
    return all(map(torch.equal, one, other))


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("optim", [{"name": "sgd"}, {"name": "adamw", "clip_norm": 1.0}])
def test_a_gradient_that_is_not_finite_ends_the_trial_before_the_update(
    optim, value, make_config, noisy_digits
):
    trainer = Trainer(make_config(optim={"lr": 0.01} | optim), noisy_digits)
    break_gradients(trainer.networks[1], value, from_call=2)
    seen = weights_after_each_update(trainer)
    message = r"the gradient norm of network 2 is (nan|inf) in epoch 1, step 2, at learning rate 0\.0"
    with pytest.raises(TrainingDiverged, match=message):
        trainer.train_epoch()
    first, second, third = seen
    assert not are_equal(first, second) and are_equal(second, third)


@pytest.mark.parametrize("optim", [{"name": "sgd"}, {"name": "adamw", "clip_norm": 1.0}])
def test_a_gpus_updates_stop_at_the_first_that_is_not_finite_and_the_epoch_names_it(
    optim, make_config, noisy_digits
):
    """The host reads at the end of the epoch only, as it does where the device is a GPU."""
    trainer = Trainer(make_config(batch_size=8, optim={"lr": 0.01} | optim), noisy_digits)
    trainer._watch = FiniteWatch(CPU, updates_unread=50)
    break_gradients(trainer.networks[0], math.nan, from_call=3)
    seen = weights_after_each_update(trainer)
    with pytest.raises(TrainingDiverged, match="gradient norm of network 1 is nan in epoch 1, step 3"):
        trainer.train_epoch()
    assert len(seen) == 1 + 12
    assert not are_equal(seen[0], seen[1]) and not are_equal(seen[1], seen[2])
    assert all(are_equal(seen[2], later) for later in seen[3:])


def test_the_second_of_two_batches_of_an_update_is_watched_too(make_config, noisy_digits):
    trainer = Trainer(make_config(batch_size=16, grad_accum_steps=2, method=ALONE), noisy_digits)
    break_gradients(trainer.networks[0], math.nan, from_call=4)
    with pytest.raises(TrainingDiverged, match="gradient norm of network 1 is nan in epoch 1, step 2"):
        trainer.train_epoch()


def test_an_overflow_in_fp16_skips_an_update_and_lowers_the_scale(make_config, noisy_digits):
    trainer = Trainer(make_config(method=ALONE, precision="fp16"), noisy_digits)
    batch = next(trainer.train_loader.epoch(0))
    before, scale = parameters_of(trainer), trainer.scaler.get_scale()
    break_gradients(trainer.networks[0], math.inf, from_call=1)
    trainer.train_step([batch])
    assert are_equal(before, parameters_of(trainer))
    assert trainer.scaler.get_scale() == scale / 2
    assert trainer._watch.end_epoch() == {}


def test_a_loss_that_is_not_finite_ends_a_trial_in_fp16_too(make_config, noisy_digits):
    trainer = Trainer(make_config(method=ALONE, precision="fp16"), noisy_digits)
    trainer._watch = FiniteWatch(CPU, updates_unread=50)
    network = trainer.networks[0]
    network.register_forward_hook(lambda module, inputs, output: output * math.nan)
    before = parameters_of(trainer)
    with pytest.raises(TrainingDiverged, match="the loss of network 1 is nan in epoch 1, step 1"):
        trainer.train_epoch()
    assert are_equal(before, parameters_of(trainer))


def test_the_gradient_norm_of_an_epoch_is_reported(make_config, noisy_digits):
    trainer = Trainer(make_config(), noisy_digits)
    train_step, norms = trainer.train_step, []

    def recorded(batches, **options):
        outputs = train_step(batches, **options)
        gradients = [weight.grad for network in trainer.networks for weight in network.parameters()]
        norms.append(math.sqrt(sum(gradient.double().square().sum().item() for gradient in gradients)))
        return outputs

    trainer.train_step = recorded
    metrics = trainer.train_epoch()
    assert len(norms) == 3
    assert metrics["train/grad_norm"] == pytest.approx(sum(norms) / 3, rel=1e-5)
    assert metrics["train/grad_norm_max"] == pytest.approx(max(norms), rel=1e-5)


def test_the_reported_norm_is_that_before_clipping(make_config, noisy_digits):
    epochs = [
        Trainer(make_config(batch_size=94, optim={"lr": 0.02, "clip_norm": clip}), noisy_digits).train_epoch()
        for clip in (None, 0.01)
    ]
    assert epochs[0]["train/grad_norm"] == epochs[1]["train/grad_norm"] > 0.01


def test_the_host_reads_as_many_updates_at_a_time_as_it_is_told():
    watch = FiniteWatch(CPU, updates_unread=3)

    def skips(loss, *norms, overflow_is_normal=False):
        watch.add_losses([torch.tensor(loss)] * len(norms))
        found = watch.updates_to_skip(torch.tensor(norms), "here", overflow_is_normal=overflow_is_normal)
        return found.tolist()

    assert skips(1.0, 3.0, 4.0) == [0, 0]
    assert skips(1.0, 6.0, math.inf, overflow_is_normal=True) == [0, 1], "the other network's is kept alone"
    assert skips(1.0, 6.0, 8.0) == [0, 0]
    assert watch.end_epoch() == {"grad_norm": 7.5, "grad_norm_max": 10.0}
    assert watch.end_epoch() == {}
    assert skips(1.0, 1.0, math.nan) == [1, 1]
    assert skips(1.0, 1.0, 1.0) == [1, 1], "nothing changes after the first that is not finite"
    with pytest.raises(TrainingDiverged, match="the gradient norm of network 2 is nan in here"):
        skips(1.0, 1.0, 1.0)
