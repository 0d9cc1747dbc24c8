"""Intermediate features, and the heads of deep supervision on them."""

import pytest
import torch

from platform.models.build import build
from platform.models.errors import ModelError
from platform.models.heads.intermediate import choose_features, feature_list, forward_with_features
from platform.models.heads.projection import AuxiliaryClassifier, ProjectionHead, depths
from platform.models.model_config import ModelConfig
from platform.models.normalisation import Normalisation, convert_input

BACKBONES = [
    "test_resnet",
    "test_vit",
    "test_convnext",
    "test_efficientnet",
    "test_byobnet",
    "swin_tiny_patch4_window7_224",
    "densenet121",
    "mobilenetv3_small_050",
    "maxvit_pico_rw_256",
]
PLAIN, PUBLISHED = Normalisation((0.5,) * 3, (0.2,) * 3), Normalisation((0.4, 0.5, 0.6), (0.1, 0.2, 0.3))


def network_of(backbone, size):
    torch.manual_seed(0)
    return build(ModelConfig(backbone=backbone), 7, size).eval()


@pytest.mark.parametrize("backbone", BACKBONES)
def test_logits_are_the_networks_own_and_maps_are_pictures(backbone):
    size = 256 if backbone.startswith("maxvit") else 64
    network = network_of(backbone, size)
    convert_input(network, PLAIN, PUBLISHED)
    features = choose_features(network, (-3, -2, -1))
    images = torch.randn(2, 3, size, size)
    with torch.no_grad():
        logits, maps = forward_with_features(network, images, features)
        torch.testing.assert_close(logits, network(images))
    for feature, each in zip(features, maps, strict=True):
        assert each.shape[:2] == (2, feature.channels)
        assert each.shape[2] == each.shape[3]


@pytest.mark.parametrize("backbone", ["test_resnet", "test_vit", "swin_tiny_patch4_window7_224"])
@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("batch", [1, 3])
def test_heads_of_any_stage_project_onto_the_sphere(backbone, size, batch):
    network = network_of(backbone, size)
    everything = feature_list(network)
    features = choose_features(network, range(len(everything)))
    _, maps = forward_with_features(network, torch.randn(batch, 3, size, size), features)
    for feature, each, depth in zip(features, maps, depths(features), strict=True):
        projected = ProjectionHead(feature, everything[-1], depth, 16).train()(each)
        torch.testing.assert_close(projected.norm(dim=1), torch.ones(batch))
        assert AuxiliaryClassifier(feature, everything[-1], depth, 7).train()(each).shape == (batch, 7)


def test_an_early_head_is_deeper_and_ends_at_the_last_stages_resolution():
    network = network_of("test_resnet", 64)
    features = choose_features(network, (0, 1, 2, 3, 4))
    _, maps = forward_with_features(network, torch.randn(1, 3, 64, 64), features)
    convolutions = []
    for feature, each, depth in zip(features, maps, depths(features), strict=True):
        trunk = ProjectionHead(feature, features[-1], depth, 8).trunk.layers
        convolutions.append(sum(isinstance(layer, torch.nn.Conv2d) for layer in trunk) // 2)
        assert trunk(each).shape[2:] == maps[-1].shape[2:]
    assert convolutions == [5, 4, 3, 2, 1]


def test_a_heads_depth_is_its_stages_place_whatever_else_was_chosen():
    network = network_of("test_vit", 32)
    assert depths(choose_features(network, (-3,))) == [3]
    assert depths(choose_features(network, range(len(feature_list(network)))))[-3:] == [3, 2, 1]


@pytest.mark.parametrize(
    ("stages", "message"),
    [((5,), "has 5 stages, -5 to 4, got 5"), ((-6,), "got -6"), ((4, -1), "names a stage of .* twice")],
)
def test_stages_that_are_not_there_are_refused(stages, message):
    with pytest.raises(ModelError, match=message):
        choose_features(network_of("test_resnet", 32), stages)
