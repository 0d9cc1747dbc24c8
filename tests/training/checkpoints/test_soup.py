"""The mean of weights, and batch norm's statistics after it, against plain formulas."""

import copy

import pytest
import torch

from platform.datasets.image_size import Size
from platform.models.build import build
from platform.models.model_config import ModelConfig
from platform.models.normalisation import Normalisation
from platform.training.checkpoints.soup import mean_weights, recompute_batch_norm
from platform.training.evaluation.prediction import eval_loader


def network(seed, backbone="test_resnet"):
    torch.manual_seed(seed)
    return build(ModelConfig(backbone=backbone), 10, 16).eval()


@pytest.fixture
def images(noisy_digits):
    return list(
        eval_loader(
            noisy_digits,
            "train",
            batch_size=16,
            image_size=Size(16, 16),
            whole=False,
            normalisation=Normalisation(noisy_digits.mean, noisy_digits.std),
            device=torch.device("cpu"),
        )
    )


def test_weights_are_averaged_tensor_by_tensor():
    networks = [network(seed) for seed in range(3)]
    states = [one.state_dict() for one in networks]
    states[0]["bn1.num_batches_tracked"].fill_(7)
    mean = mean_weights(states)
    assert mean.keys() == states[0].keys()
    for name, value in mean.items():
        assert value.dtype == states[0][name].dtype
        if value.is_floating_point():
            torch.testing.assert_close(value, (states[0][name] + states[1][name] + states[2][name]) / 3)
    assert mean["bn1.num_batches_tracked"] == 7


def test_the_mean_of_one_is_that_one_bit_for_bit():
    state = network(0).state_dict()
    mean = mean_weights([state])
    assert all(torch.equal(mean[name], value) for name, value in state.items())
    assert mean["conv1.0.weight"] is not state["conv1.0.weight"]


def test_networks_of_other_shapes_have_no_mean():
    with pytest.raises(ValueError, match="same tensors"):
        mean_weights([network(0).state_dict(), network(0, "resnet10t").state_dict()])


def test_batch_norm_is_measured_anew_as_the_plain_mean_over_batches(images):
    """Of the first norm: its input is what the layers before it make of the images, whatever it does."""
    one = network(0)
    norm = one.bn1
    norm.running_mean += 5
    seen = []
    hook = norm.register_forward_hook(lambda _, given, __: seen.append(given[0]))
    recompute_batch_norm(one, images, channels_last=False)
    hook.remove()
    assert len(seen) == len(images)
    means = torch.stack([batch.mean((0, 2, 3)) for batch in seen])
    variances = torch.stack([batch.var((0, 2, 3), correction=1) for batch in seen])
    torch.testing.assert_close(norm.running_mean, means.mean(0), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(norm.running_var, variances.mean(0), atol=1e-5, rtol=1e-4)
    assert norm.momentum == 0.1
    assert not any(module.training for module in one.modules())


def test_an_averaged_network_needs_batch_norm_measured_anew(images):
    """Means of independent weights have half their variance, which running variances do not know."""
    networks = [network(seed) for seed in (0, 1)]
    for one in networks:
        recompute_batch_norm(one, images, channels_last=False)
    averaged = network(0)
    averaged.load_state_dict(mean_weights([one.state_dict() for one in networks]))
    recomputed = copy.deepcopy(averaged)
    recompute_batch_norm(recomputed, images, channels_last=False)

    def spread(one):
        """The variance of what enters the deepest norm, over what the norm takes it for."""
        *_, norm = [module for module in one.modules() if isinstance(module, torch.nn.BatchNorm2d)]
        seen = []
        hook = norm.register_forward_hook(lambda _, given, __: seen.append(given[0]))
        with torch.no_grad():
            for batch in images:
                one(batch.images)
        hook.remove()
        return float((torch.cat(seen).var((0, 2, 3)) / norm.running_var).mean())

    assert spread(networks[0]) == pytest.approx(1, abs=0.15)
    assert spread(recomputed) == pytest.approx(1, abs=0.15)
    assert spread(averaged) < 0.6


def test_networks_without_batch_norm_are_left_alone(images):
    one = network(0, "test_vit")
    before = copy.deepcopy(one.state_dict())
    recompute_batch_norm(one, iter(()), channels_last=False)
    assert all(torch.equal(before[name], value) for name, value in one.state_dict().items())
