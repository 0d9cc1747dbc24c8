import copy

import torch
from torch import nn

from platform.models.build import build
from platform.models.model_config import ModelConfig
from platform.models.normalisation import Normalisation, convert_input, expected_normalisation

IMAGENET = Normalisation((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = Normalisation((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


def normalised(images, normalisation):
    mean, std = (torch.tensor(values)[:, None, None] for values in (normalisation.mean, normalisation.std))
    return (images - mean) / std


def test_a_network_gets_what_it_was_trained_with():
    images = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    network = nn.Identity()
    convert_input(network, IMAGENET, HALF)
    for one in (network, copy.deepcopy(network)):
        torch.testing.assert_close(one(normalised(images, IMAGENET)), normalised(images, HALF))


def test_nothing_is_converted_where_nothing_differs():
    network = nn.Identity()
    convert_input(network, HALF, HALF)
    assert not network._forward_pre_hooks


def test_only_trained_weights_expect_something():
    fresh = ModelConfig(backbone="resnet18")
    network = build(fresh, 5, 32)
    assert expected_normalisation(network, fresh) is None
    published = fresh.model_copy(update={"pretrained": True})
    assert expected_normalisation(network, published) == IMAGENET
    local = fresh.model_copy(update={"weights": "some.pth"})
    assert expected_normalisation(network, local) == IMAGENET
