import copy
import io

import pytest
import timm
import torch
from pydantic import ValidationError

from platform.models.build import build
from platform.models.input_size import set_image_size
from platform.models.layers import head_parameters, set_trainable
from platform.models.model_config import ModelConfig
from platform.training.optimisation.optimiser import OptimConfig, build_optimiser, carry_optimiser_state


@pytest.fixture(scope="module")
def network():
    return build(ModelConfig(backbone="test_resnet"), 5, 32)


def settings_by_name(optimiser, network):
    """Each learning parameter's name -> its group."""
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    found = {}
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            assert names[id(parameter)] not in found, "in one group only"
            found[names[id(parameter)]] = group
    return found


def scales(config, network):
    groups = settings_by_name(build_optimiser(config, network), network)
    return {name: group.get("lr_scale", 1.0) for name, group in groups.items()}


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
    optimiser = build_optimiser(config, network)
    assert type(optimiser) is kind
    for group in optimiser.param_groups:
        assert {name: group[name] for name in settings} == settings


@pytest.mark.parametrize("scale", [1.0, 0.1])
@pytest.mark.parametrize("name", ["sgd", "adamw"])
@pytest.mark.parametrize("backbone", ["test_resnet", "test_vit", "test_convnext", "test_efficientnet"])
def test_norms_biases_and_what_the_model_names_do_not_decay(backbone, name, scale):
    network = timm.create_model(backbone, num_classes=5)
    config = OptimConfig(name=name, weight_decay=0.01, backbone_lr_scale=scale)
    groups = settings_by_name(build_optimiser(config, network), network)
    spared = getattr(network, "no_weight_decay", set)()
    assert bool(spared) == (backbone == "test_vit")
    for parameter_name, weight in network.named_parameters():
        is_spared = weight.ndim == 1 or parameter_name in spared
        assert groups[parameter_name]["weight_decay"] == (0.0 if is_spared else 0.01), parameter_name


@pytest.mark.parametrize(
    ("layer_decay", "decay"),
    [("auto", 0.75), (0.5, 0.5), (1.0, 1.0)],
)
def test_a_layers_rate_is_a_share_of_the_next_ones(layer_decay, decay):
    network = timm.create_model("test_vit", num_classes=5)
    found = scales(OptimConfig(layer_decay=layer_decay), network)
    layer_of = {"norm": 6, "head": 7}
    for name, scale in found.items():
        top, _, rest = name.partition(".")
        layer = int(rest.split(".")[0]) + 1 if top == "blocks" else layer_of.get(top, 0)
        assert scale == pytest.approx(decay ** (7 - layer)), name


@pytest.mark.parametrize("backbone", ["test_resnet", "test_efficientnet", "poolformerv2_s12", "rdnet_tiny"])
def test_auto_decays_transformer_like_networks_with_layers_alone(backbone):
    network = timm.create_model(backbone, num_classes=5)
    slowed = {scale for scale in scales(OptimConfig(), network).values() if scale < 1}
    assert bool(slowed) == (backbone == "rdnet_tiny")


@pytest.mark.parametrize("backbone", ["test_resnet", "test_vit", "deit_tiny_distilled_patch16_224"])
@pytest.mark.parametrize("layer_decay", [1.0, 0.5])
def test_all_but_the_classifier_is_slowed_down_besides(backbone, layer_decay):
    network = timm.create_model(backbone, num_classes=5)
    plain = scales(OptimConfig(layer_decay=layer_decay), network)
    slowed = scales(OptimConfig(layer_decay=layer_decay, backbone_lr_scale=0.1), network)
    head = head_parameters(network)
    assert head and plain.keys() == slowed.keys()
    for name, scale in slowed.items():
        assert scale == pytest.approx(plain[name] * (1 if name in head else 0.1)), name
        assert name not in head or scale == 1


def test_what_does_not_learn_has_no_optimiser():
    network = timm.create_model("test_vit", num_classes=5)
    set_trainable(network, "last_stage")
    for config in (OptimConfig(), OptimConfig(layer_decay=0.5, backbone_lr_scale=0.1)):
        learning = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
        assert scales(config, network).keys() == learning


@pytest.mark.parametrize("value", ["fast", 0, 0.0, 1.5, -1, True, None, float("nan")])
def test_layer_decay_is_auto_or_a_share(value):
    with pytest.raises(ValidationError, match="must be auto or a number above 0, at most 1, got") as raised:
        OptimConfig(layer_decay=value)
    assert raised.value.error_count() == 1


def test_layer_decay_needs_layers():
    without, with_layers = ModelConfig(backbone="csatv2"), ModelConfig(backbone="test_resnet")
    assert OptimConfig(layer_decay=0.9).check(without) == (
        "layer_decay",
        "must be auto or 1: timm tells no layers of csatv2 apart",
        0.9,
    )
    for config, model in (
        (OptimConfig(), without),
        (OptimConfig(layer_decay=1), without),
        (OptimConfig(layer_decay=0.9), with_layers),
    ):
        assert config.check(model) is None


@pytest.mark.parametrize("name", ["sgd", "adamw"])
@pytest.mark.parametrize("backbone", ["test_resnet", "test_convnext"])
def test_the_fused_update_is_the_plain_one(backbone, name):
    """In channels_last too, where a weight's memory is laid out otherwise than its shape."""
    torch.manual_seed(0)
    fused = timm.create_model(backbone, num_classes=3).to(memory_format=torch.channels_last)
    config = OptimConfig(name=name, lr=0.01)
    optimiser = build_optimiser(config, fused)
    assert all(group["fused"] for group in optimiser.param_groups)
    for _ in range(4):
        plain = copy.deepcopy(fused)
        reference = build_optimiser(config, plain)
        reference.load_state_dict(copy.deepcopy(optimiser.state_dict()))
        for group in reference.param_groups:
            group["fused"] = False
        for network, one in ((fused, optimiser), (plain, reference)):
            one.zero_grad()
            for images in torch.randn(2, 4, 3, 32, 32, generator=torch.Generator().manual_seed(1)):
                network(images.contiguous(memory_format=torch.channels_last)).square().mean().backward()
            one.step()
        for weights, expected in zip(fused.parameters(), plain.parameters(), strict=True):
            torch.testing.assert_close(weights, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_a_first_step_that_overflows_leaves_no_trace(name):
    network = torch.nn.Linear(64, 64)
    before = network.weight.clone()
    optimiser = build_optimiser(OptimConfig(name=name, weight_decay=0.0), network)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    junk = [torch.full((64, 64), 7.0) for _ in range(50)]
    del junk  # what uninitialised memory would hold
    scaler.scale(network(torch.ones(2, 64)).square().mean()).backward()
    network.weight.grad[0, 0] = float("inf")
    scaler.step(optimiser)
    assert torch.equal(network.weight, before)
    for state in optimiser.state.values():
        assert not any(value.any() for value in state.values())


@pytest.mark.parametrize("name", ["sgd", "adamw"])
def test_a_resized_network_keeps_the_momenta_of_what_kept_its_shape(name):
    section = ModelConfig(backbone="test_vit")
    network = build(section, 3, 32)
    config = OptimConfig(name=name, lr=0.01, layer_decay=0.8, backbone_lr_scale=0.5)
    old = build_optimiser(config, network)
    network(torch.randn(2, 3, 32, 32)).square().mean().backward()
    old.step()
    before = {name: old.state[parameter] for name, parameter in network.named_parameters()}

    set_image_size(network, section, 48)
    new = build_optimiser(config, network)
    carry_optimiser_state(old, new)
    for parameter_name, parameter in network.named_parameters():
        if parameter_name == "pos_embed":
            assert not any(value.any() for value in new.state[parameter].values()), "starts afresh"
        else:
            carried = new.state[parameter]
            assert carried.keys() == before[parameter_name].keys() != set()
            for key, value in carried.items():
                assert torch.equal(torch.as_tensor(value), torch.as_tensor(before[parameter_name][key]))

    new.zero_grad()
    network(torch.randn(2, 3, 48, 48)).square().mean().backward()
    new.step()
    stored = io.BytesIO()
    torch.save(new.state_dict(), stored)
    stored.seek(0)
    build_optimiser(config, network).load_state_dict(torch.load(stored, weights_only=True))
