import pytest
import timm
import torch
from torch import nn

from platform.models.stems import make_stem_small

CONVOLUTIONAL = [
    "convnext_atto",
    "densenet121",
    "dpn48b",
    "efficientnet_b0",
    "fastvit_t8",
    "ghostnet_050",
    "mobilenetv3_small_050",
    "mobilenetv4_conv_small_035",
    "regnety_002",
    "repvgg_a0",
    "resnet10t",
    "resnetv2_50x1_bit",
    "seresnet18",
    "test_nfnet",
    "tf_efficientnet_lite0",
]


def stages(network, px):
    """Height in px of each stage's features."""
    picture = torch.zeros(1, 3, px, px)
    return [features.shape[-2] for features in network.eval().forward_intermediates(picture)[1]]


def last_size(network, px):
    with torch.no_grad():
        return network.eval().forward_features(torch.zeros(1, 3, px, px)).shape[-2]


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_a_small_stem_keeps_the_resolution_and_the_weights(name):
    network = timm.create_model(name, num_classes=5)
    before = last_size(network, 32)
    weights = {key: value.shape for key, value in network.state_dict().items()}
    assert make_stem_small(network)
    assert last_size(network, 32) in (2 * before, 4 * before)
    assert {key: value.shape for key, value in network.state_dict().items()} == weights
    for px in (16, 32):
        logits_BC = network.train()(torch.randn(2, 3, px, px))
        assert logits_BC.shape == (2, 5)
        assert logits_BC.isfinite().all()


def test_a_resnet_keeps_16_px_up_to_its_second_stage():
    network = timm.create_model("resnet10t", num_classes=5)
    make_stem_small(network)
    assert network.conv1[0].stride == (1, 1)
    assert isinstance(network.maxpool, nn.Identity)
    assert stages(network, 16) == [16, 16, 8, 4, 2]


@pytest.mark.parametrize("name", ["test_vit", "test_maxvit", "vgg11", "deit_tiny_distilled_patch16_224"])
def test_a_network_without_such_a_stem_is_left_as_it_is(name):
    with torch.device("meta"):
        network = timm.create_model(name, num_classes=5)
    before = str(network)
    assert not make_stem_small(network)
    assert str(network) == before


def test_it_leaves_mode_and_statistics_as_they_were():
    network = timm.create_model("test_resnet", num_classes=5).train()
    statistics = {key: value.clone() for key, value in network.named_buffers()}
    make_stem_small(network)
    assert network.training
    for key, value in network.named_buffers():
        assert torch.equal(value, statistics[key])
    assert not any(module._forward_hooks for module in network.modules())
