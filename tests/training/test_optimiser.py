import pytest
import torch

from platform.models.build import build
from platform.models.model_config import ModelConfig
from platform.training.optimiser import OptimConfig, build_optimiser


@pytest.fixture(scope="module")
def network():
    return build(ModelConfig(backbone="test_resnet"), 5, 32)


@pytest.mark.parametrize(
    ("config", "kind", "settings"),
    [
        (OptimConfig(lr=0.3), torch.optim.SGD, {"lr": 0.3, "momentum": 0.9, "nesterov": True}),
        (OptimConfig(momentum=0.5, nesterov=False), torch.optim.SGD, {"momentum": 0.5, "nesterov": False}),
        (OptimConfig(momentum=0.0, nesterov=False), torch.optim.SGD, {"momentum": 0.0, "nesterov": False}),
        (OptimConfig(name="adamw", momentum=0.8, beta_2=0.99), torch.optim.AdamW, {"betas": (0.8, 0.99)}),
    ],
)
def test_the_section_is_what_the_optimiser_does(config, kind, settings, network):
    optimiser = build_optimiser(config, network, trained=False)
    assert type(optimiser) is kind
    for group in optimiser.param_groups:
        assert {name: group[name] for name in settings} == settings


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_norms_and_biases_do_not_decay(name, network):
    optimiser = build_optimiser(OptimConfig(name=name, weight_decay=0.01), network, trained=False)
    decay = {
        id(weight): group["weight_decay"] for group in optimiser.param_groups for weight in group["params"]
    }
    for parameter_name, weight in network.named_parameters():
        assert decay[id(weight)] == (0.0 if weight.ndim == 1 else 0.01), parameter_name
