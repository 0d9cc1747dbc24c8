"""The embedding head in timm's networks, and the embeddings for evaluation."""

import copy

import pytest
import safetensors.torch
import timm
import torch
from torch import nn

from platform.models.build import build, build_blank
from platform.models.errors import ModelError
from platform.models.heads.embedding import EmbeddingHead, embed
from platform.models.input_size import set_image_size
from platform.models.layers import head_parameters, keep_frozen_still, layer_count, set_trainable
from platform.models.model_config import EmbeddingConfig, ModelConfig
from platform.models.normalisation import Normalisation, convert_input
from platform.models.weights import load_weights

HEAD = EmbeddingConfig(dim=6, dropout=0.5)
# name, image size in px, the place of the classifier
NETWORKS = [
    ("test_resnet", 32, "fc"),
    ("test_vit", 32, "head"),
    ("test_convnext", 32, "head.fc"),
    ("test_efficientnet", 32, "classifier"),
    ("test_byobnet", 32, "head.fc"),
    ("test_nfnet", 32, "head.fc"),
    ("test_mambaout", 32, "head.fc"),
    ("test_maxvit", 64, "head.fc"),
    ("swin_tiny_patch4_window7_224", 32, "head.fc"),
    ("deit_tiny_patch16_224", 32, "head"),
    ("mobilenetv3_small_050", 32, "classifier"),
    ("resnetv2_50x1_bit", 32, "head.fc"),  # its classifier is a convolution
]


def section(backbone, **settings):
    return ModelConfig(backbone=backbone, embedding=HEAD, **settings)


def with_head(backbone="test_resnet", image_size=32, seed=0):
    torch.manual_seed(seed)
    return build(section(backbone), 5, image_size)


def learning(network):
    return {name for name, parameter in network.named_parameters() if parameter.requires_grad}


def some_images(image_size, count=3):
    return torch.randn(count, 3, image_size, image_size, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(("backbone", "image_size", "place"), NETWORKS)
def test_the_head_takes_the_classifiers_place(backbone, image_size, place):
    network = with_head(backbone, image_size)
    head = network.get_submodule(place)
    assert isinstance(head, EmbeddingHead)
    assert head.training
    assert network(some_images(image_size)).shape == (3, 5)

    network.eval()
    images = some_images(image_size)
    with torch.no_grad():
        embedding_BD = embed(network, images)
        assert embedding_BD.shape == (3, 6)
        assert (embedding_BD < 0).any()
        torch.testing.assert_close(head.classifier(embedding_BD), network(images))


@pytest.mark.parametrize(("backbone", "image_size", "place"), NETWORKS)
def test_the_head_and_nothing_else_is_head(backbone, image_size, place):
    with torch.device("meta"):
        network = with_head(backbone, image_size)
    own = {f"{place}.{name}" for name, _ in network.get_submodule(place).named_parameters()}
    assert len(own) == 6
    assert head_parameters(network) == own
    set_trainable(network, "head")
    assert learning(network) == own
    network.train()
    keep_frozen_still(network)
    assert network.get_submodule(place).norm.training
    with torch.device("meta"):
        plain = timm.create_model(backbone, num_classes=5)
    assert layer_count(network) == layer_count(plain)
    for one in (network, plain):
        set_trainable(one, "last_stage")
    assert learning(network) - own == learning(plain) - head_parameters(plain)


@torch.no_grad()
def test_the_embedding_is_the_one_of_its_formula():
    head = EmbeddingHead(4, 3, HEAD).double().eval()
    torch.nn.init.normal_(head.norm.running_mean)
    torch.nn.init.uniform_(head.norm.running_var, 0.5, 2)
    features_BF = torch.randn(2, 4, dtype=torch.float64)
    for feature_F, embedding_D in zip(features_BF, head.embed(features_BF), strict=True):
        for d in range(6):
            value = float(feature_F @ head.projection.weight[d] + head.projection.bias[d])
            value = (value - float(head.norm.running_mean[d])) / (
                float(head.norm.running_var[d]) + head.norm.eps
            ) ** 0.5
            assert float(embedding_D[d]) == pytest.approx(value if value > 0 else 0.1 * value)


def test_dropout_stands_behind_the_embedding():
    head = EmbeddingHead(4, 3, EmbeddingConfig(dim=1000, dropout=0.5))
    nn.init.ones_(head.classifier.weight)
    features_BF = torch.randn(8, 4)
    assert torch.equal(head.embed(features_BF), head.embed(features_BF))
    assert not torch.equal(head(features_BF), head(features_BF))


@pytest.mark.parametrize(
    "backbone", ["test_resnet", "test_vit", "test_convnext", "deit_tiny_distilled_patch16_224"]
)
def test_without_a_head_the_embedding_is_timms_pooled_features(backbone):
    network = build(ModelConfig(backbone=backbone), 5, 32).eval()
    with torch.no_grad():
        embedding_BF = embed(network, some_images(32))
        expected = network.forward_head(network.forward_features(some_images(32)), pre_logits=True)
    assert torch.equal(embedding_BF, expected)
    assert embedding_BF.shape == (3, network.num_features)


@pytest.mark.parametrize("embedding", [HEAD, None])
def test_embeddings_are_of_images_as_the_network_expects_them(embedding):
    given, expected = Normalisation((0, 0, 0), (1, 1, 1)), Normalisation((0.5, 0.4, 0.3), (0.2, 0.3, 0.4))
    network = build(ModelConfig(backbone="test_resnet", embedding=embedding), 5, 32).eval()
    converting = copy.deepcopy(network)
    convert_input(converting, given, expected)
    images = some_images(32)
    by_hand = (images - torch.tensor(expected.mean)[:, None, None]) / torch.tensor(expected.std)[
        :, None, None
    ]
    with torch.no_grad():
        found = embed(copy.deepcopy(converting), images)
        torch.testing.assert_close(found, embed(network, by_hand))
        assert not torch.allclose(found, embed(network, images))


def test_a_network_in_training_has_no_embeddings():
    with pytest.raises(ValueError, match="network in evaluation: call network.eval"):
        embed(with_head(), some_images(32))


@pytest.mark.parametrize(
    ("backbone", "reason"),
    [
        ("deit_tiny_distilled_patch16_224", r"it has 2 classifiers \(head, head_dist\)"),
        ("volo_d1_224", r"it has 2 classifiers \(aux_head, head\)"),
        ("efficientvim_m1", "its classifier is not a separate layer"),
        ("samvit_base_patch16", r"its classifier takes \[1, 256, 14, 14\], not the pooled \[1, 256\]"),
    ],
)
def test_a_network_that_has_no_place_for_a_head_is_one_line(backbone, reason):
    message = f"^no embedding head can be put on {backbone}: {reason}$"
    with pytest.raises(ModelError, match=message):
        build_blank(section(backbone), 5, 224)


@pytest.mark.parametrize("backbone", ["test_resnet", "test_vit", "swin_tiny_patch4_window7_224"])
def test_weights_load_in_full(backbone, tmp_path):
    trained, fresh = with_head(backbone, seed=1), with_head(backbone, seed=2)
    trained(some_images(32))  # moves the batch norm's statistics
    safetensors.torch.save_model(trained, str(tmp_path / "w.safetensors"))
    found = load_weights(fresh, tmp_path / "w.safetensors")
    assert (found.missing, found.ignored, found.resampled) == ((), (), ())
    for name, value in trained.state_dict().items():
        assert torch.equal(value, fresh.state_dict()[name]), name


@pytest.mark.parametrize("backbone", ["test_vit", "swin_tiny_patch4_window7_224"])
def test_weights_of_another_image_size_bring_their_head(backbone, tmp_path):
    trained, fresh = with_head(backbone, 32, seed=1), with_head(backbone, 64, seed=2)
    safetensors.torch.save_model(trained, str(tmp_path / "w.safetensors"))
    assert load_weights(fresh, tmp_path / "w.safetensors").missing == ()
    for name in head_parameters(fresh):
        assert torch.equal(trained.state_dict()[name], fresh.state_dict()[name]), name


@pytest.mark.parametrize("backbone", ["test_resnet", "test_vit", "test_convnext"])
def test_a_backbones_weights_fit_under_the_head(backbone, tmp_path):
    plain = build(ModelConfig(backbone=backbone), 1000, 32)
    safetensors.torch.save_model(plain, str(tmp_path / "w.safetensors"))
    network = build(section(backbone, weights=str(tmp_path / "w.safetensors")), 5, 32)
    of_head = head_parameters(network)
    for name, value in network.named_parameters():
        assert name in of_head or torch.equal(value, plain.state_dict()[name]), name


def test_another_number_of_classes_keeps_the_embedding(tmp_path):
    trained = with_head(seed=1).eval()
    safetensors.torch.save_model(trained, str(tmp_path / "w.safetensors"))
    network = build(section("test_resnet", weights=str(tmp_path / "w.safetensors")), 9, 32).eval()
    with torch.no_grad():
        assert torch.equal(embed(network, some_images(32)), embed(trained, some_images(32)))
        assert network(some_images(32)).shape == (3, 9)


@pytest.mark.parametrize("backbone", ["test_resnet", "test_vit"])
def test_a_head_stays_where_the_image_size_changes(backbone):
    network = with_head(backbone).eval()
    head = copy.deepcopy(network.get_classifier().state_dict())
    set_image_size(network, section(backbone), 48)
    for name, value in network.get_classifier().state_dict().items():
        assert torch.equal(value, head[name])
    assert embed(network, some_images(48)).shape == (3, 6)
