"""Pooling of feature maps: the published values, gradients that stay finite, and timm's networks."""

from pathlib import Path

import numpy as np
import pytest
import torch

from platform.models.build import build, build_blank
from platform.models.errors import ModelError
from platform.models.heads.embedding import EmbeddingHead, embed, embedding_width
from platform.models.layers import head_parameters
from platform.models.model_config import EmbeddingConfig, ModelConfig, PoolConfig, checkpoint_bytes
from platform.models.pooling import GeM, generalised_mean, signed_generalised_mean

PUBLISHED = Path(__file__).parents[1] / "golden" / "network_parts.npz"
POOLINGS = ["avg", "max", "avg_max", "avg_max_concat", "gem"]
# name, image size in px, poolings that it cannot have
NETWORKS = [
    ("test_resnet", 32, ()),
    ("test_efficientnet", 32, ()),
    ("swin_tiny_patch4_window7_224", 32, ()),  # its maps have the channels last
    ("test_convnext", 32, ("avg_max_concat",)),
    ("test_mambaout", 32, ("avg_max_concat", "gem")),
    ("test_vit", 32, ("avg_max_concat", "gem")),
]
CASES = [(name, px, pool) for name, px, refused in NETWORKS for pool in POOLINGS if pool not in refused]
REFUSED = [(name, px, pool) for name, px, refused in NETWORKS for pool in refused]


def section(backbone, pool, **settings):
    return ModelConfig(backbone=backbone, pool=PoolConfig(name=pool), **settings)


def gem(**settings):
    return GeM(PoolConfig(**settings), channels_first=True, flatten=True)


@pytest.mark.parametrize("case", [f"gem_{number}" for number in range(6)])
def test_the_generalised_mean_equals_the_published_one(case):
    with np.load(PUBLISHED) as file:
        maps, p, eps, pooled, upstream, grad, grad_p = (
            torch.tensor(file[f"{case}/{key}"][()])
            for key in ("maps", "p", "eps", "pooled", "upstream", "grad", "grad_p")
        )
    maps.requires_grad_()
    p.requires_grad_()
    actual = generalised_mean(maps, p, eps=float(eps)).flatten(1)
    (actual * upstream).sum().backward()
    torch.testing.assert_close(actual, pooled, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(maps.grad, grad, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(p.grad, grad_p, rtol=1e-9, atol=1e-12)


def test_the_signed_mean_is_the_root_of_the_mean_power_with_its_sign():
    maps = torch.randn(2, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for b in range(2):
        for c in range(3):
            mean = sum(float(x) ** 3 for x in maps[b, c].flatten()) / 20
            root = abs(mean) ** (1 / 3) * (1 if mean > 0 else -1)
            assert float(signed_generalised_mean(maps, 3.0)[b, c, 0, 0]) == pytest.approx(root)
    torch.autograd.gradcheck(lambda x: signed_generalised_mean(x, 3.0), maps.requires_grad_())


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("negative", ["clamp", "sign"])
@pytest.mark.parametrize("p", [1.01, 3.0, 15.9])
@pytest.mark.parametrize("value", [0.0, 1e-7, 5e4])
def test_values_and_gradients_are_finite(dtype, negative, p, value):
    maps = torch.full((1, 2, 3, 3), value, dtype=dtype, requires_grad=True)
    layer = gem(p=p, negative=negative)
    pooled = layer(maps)
    pooled.float().sum().backward()
    assert pooled.dtype == dtype
    torch.testing.assert_close(
        pooled.float(), torch.full((1, 2), float(maps.detach().flatten()[0])), rtol=0.01, atol=2e-6
    )
    assert maps.grad.isfinite().all()
    assert layer.logit.grad.isfinite()


def test_the_exponent_is_learnt_but_never_leaves_its_range():
    layer = gem(p=3.0)
    with torch.no_grad():
        assert float(layer.p) == pytest.approx(3.0)
        layer.logit.fill_(-1000)
        assert layer.p == 1
        layer.logit.fill_(1000)
        assert layer.p == 16
    assert not gem(learnable=False).logit.requires_grad


@pytest.mark.parametrize(("backbone", "image_size", "pool"), CASES)
def test_every_pooling_pools_the_last_feature_map(backbone, image_size, pool):
    torch.manual_seed(0)
    network = build(section(backbone, pool), 5, image_size).eval()
    images = torch.randn(3, 3, image_size, image_size, generator=torch.Generator().manual_seed(1))
    logits_BC = network(images)
    assert logits_BC.shape == (3, 5)
    logits_BC.sum().backward()
    assert all(one.grad is None or one.grad.isfinite().all() for one in network.parameters())
    with torch.no_grad():
        features_BF = embed(network, images)
    assert features_BF.shape == (3, embedding_width(network))


@pytest.mark.parametrize("backbone", ["test_resnet", "swin_tiny_patch4_window7_224"])
def test_gem_reads_maps_whichever_axis_has_the_channels(backbone):
    network = build(
        ModelConfig(backbone=backbone, pool=PoolConfig(name="gem", negative="sign")), 5, 32
    ).eval()
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        maps = network.forward_features(images)
        maps = maps.permute(0, 3, 1, 2) if backbone.startswith("swin") else maps
        expected = signed_generalised_mean(maps, 3.0).flatten(1)
        torch.testing.assert_close(embed(network, images), expected, rtol=1e-4, atol=1e-5)


def test_the_classifier_takes_twice_the_features_of_a_concatenation():
    config = section("test_resnet", "avg_max_concat", embedding=EmbeddingConfig(dim=6))
    network = build_blank(config, 5, 32)
    assert isinstance(network.fc, EmbeddingHead)
    assert network.fc.projection.in_features == 2 * network.num_features
    for one in (config, config.model_copy(update={"embedding": None})):
        size = 4 * sum(parameter.numel() for parameter in build_blank(one, 5, 32).parameters())
        assert checkpoint_bytes(one, 5) == size


def test_the_exponent_does_not_belong_to_the_classifier():
    network = build_blank(section("test_resnet", "gem"), 5, 32)
    assert head_parameters(network) == {"fc.weight", "fc.bias"}
    assert "global_pool.logit" in dict(network.named_parameters())


@pytest.mark.parametrize(("backbone", "image_size", "pool"), REFUSED)
def test_a_backbone_that_cannot_pool_so_is_refused_in_one_line(backbone, image_size, pool):
    with pytest.raises(ModelError, match=rf"^model\.pool: {pool} cannot pool the features of {backbone}: ."):
        build_blank(section(backbone, pool), 5, image_size)
