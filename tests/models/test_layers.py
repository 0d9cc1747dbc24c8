"""Which parts of a network are trainable, by timm's parameter groups."""

import pytest
import timm
import torch
from torch import nn

from platform.models.errors import ModelError
from platform.models.layers import (
    Trainable,
    head_parameters,
    is_transformer_like,
    keep_frozen_still,
    layer_count,
    set_trainable,
)


def blank(name):
    with torch.device("meta"):
        return timm.create_model(name, num_classes=7)


def learning(network):
    return {name for name, parameter in network.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize(
    ("name", "head", "last_stage"),
    [
        ("test_resnet", {"fc"}, {"fc", "layer4.0"}),
        ("test_vit", {"head"}, {"head", "norm", "blocks.5"}),
        ("test_convnext", {"head.fc"}, {"head.fc", "head.norm", "stages.3"}),
        ("test_efficientnet", {"classifier"}, {"classifier", "conv_head", "bn2", "blocks.4"}),
        ("swin_tiny_patch4_window7_224", {"head.fc"}, {"head.fc", "norm", "layers.3"}),
        (
            "deit_tiny_distilled_patch16_224",
            {"head", "head_dist"},
            {"head", "head_dist", "norm", "blocks.11"},
        ),
        (
            "volo_d1_224",
            {"head", "aux_head"},
            {"head", "aux_head", "norm", "post_network.1"},
        ),
    ],
)
def test_the_named_part_learns_and_nothing_else(name, head, last_stage):
    network = blank(name)
    parts: dict[Trainable, set[str]] = {"head": head, "last_stage": last_stage}
    for part, expected in parts.items():
        set_trainable(network, part)
        found = learning(network)
        prefixes = tuple(f"{module}." for module in expected)
        assert found == {name for name, _ in network.named_parameters() if name.startswith(prefixes)}
        assert {next(one for one in expected if name.startswith(f"{one}.")) for name in found} == expected
        stem = next(iter(dict(network.named_parameters())))
        assert stem not in found
    set_trainable(network, "all")
    assert len(learning(network)) == len(list(network.parameters()))


@pytest.mark.parametrize("name", ["rdnet_tiny", "poolformerv2_s12"])
def test_parts_that_timm_does_not_know_are_an_error(name):
    network = blank(name)
    set_trainable(network, "head")
    with pytest.raises(ModelError, match="trainable: last_stage: timm does not say which") as raised:
        set_trainable(network, "last_stage")
    assert "\n" not in str(raised.value)


def test_an_early_parameter_that_no_pattern_names_is_not_of_the_last_stage():
    network = blank("efficientvim_m1")
    set_trainable(network, "last_stage")
    assert "weights" not in learning(network)


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_convnext", "test_efficientnet"])
@pytest.mark.parametrize("part", ["head", "last_stage"])
def test_what_is_frozen_stays_as_in_evaluation(name, part):
    torch.manual_seed(0)
    network = timm.create_model(name, num_classes=3, drop_rate=0.5, drop_path_rate=0.5)
    set_trainable(network, part)
    network.train()
    keep_frozen_still(network)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    pixels = 160 if name == "test_vit" else 32
    network(torch.randn(4, 3, pixels, pixels)).sum().backward()

    learns = learning(network)
    for key, module in network.named_modules():
        own = [f"{key}.{own}" for own, _ in module.named_parameters()]
        if key and own:
            assert module.training == any(one in learns for one in own), key
    for key, value in network.named_buffers():
        if key.endswith("running_mean"):
            is_still = torch.equal(value, before[key])
            assert is_still != (f"{key.removesuffix('running_mean')}weight" in learns), key
    assert {key for key, one in network.named_parameters() if one.grad is not None} == learns


def test_where_all_learns_nothing_is_kept_still():
    network = blank("test_resnet").train()
    keep_frozen_still(network)
    assert all(module.training for module in network.modules())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("test_vit", True),
        ("swin_tiny_patch4_window7_224", True),
        ("swinv2_tiny_window8_256", True),
        ("test_convnext", True),
        ("convnextv2_atto", True),
        ("test_maxvit", True),
        ("mixer_s16_224", True),
        ("gemma4_vit_167m", True),  # root-mean-square norms
        ("test_resnet", False),
        ("test_efficientnet", False),
        ("resnetv2_50x1_bit", False),  # group norms
        ("vgg11", False),  # none at all
        ("inception_next_atto", False),
        ("test_nfnet", False),
    ],
)
def test_layer_norms_make_a_transformer_like_network(name, expected):
    assert is_transformer_like(blank(name)) is expected


@pytest.mark.parametrize(("name", "layers"), [("test_vit", 8), ("test_resnet", 6), ("poolformerv2_s12", 0)])
def test_layers_are_timms_groups(name, layers):
    assert layer_count(blank(name)) == layers


def test_a_network_without_a_classifier_has_no_head():
    network = timm.create_model("test_resnet", num_classes=0)
    assert head_parameters(network) == frozenset()
    assert isinstance(network.get_classifier(), nn.Identity)
