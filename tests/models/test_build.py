import pytest
import torch

from platform.datasets.image_size import as_size
from platform.models.build import build, build_blank, build_resolved
from platform.models.errors import ModelError
from platform.models.model_config import ModelConfig


@pytest.mark.parametrize(
    ("backbone", "image_size"),
    [
        ("resnet10t", 16),
        ("test_vit", 16),
        ("test_vit", 48),
        ("test_convnext", 64),
        ("test_efficientnet", 40),
        ("resnet10t", (64, 32)),
        ("test_vit", (64, 32)),
        ("test_vit", (160, 80)),
        ("swin_tiny_patch4_window7_224", (64, 32)),
        ("test_maxvit", (128, 64)),
    ],
)
def test_a_backbone_takes_the_image_size_and_the_classes(backbone, image_size):
    network = build(ModelConfig(backbone=backbone), 7, image_size)
    logits_BC = network(torch.randn(2, 3, *as_size(image_size)))
    assert logits_BC.shape == (2, 7)
    assert network.training


@pytest.mark.parametrize(
    ("stem", "image_size", "settled", "stride"),
    [
        ("auto", 32, "small", (1, 1)),
        ("auto", 64, "original", (2, 2)),
        ("original", 32, "original", (2, 2)),
        ("small", 64, "small", (1, 1)),
        ("auto", (64, 32), "small", (1, 1)),
        ("auto", (128, 64), "original", (2, 2)),
    ],
)
def test_the_stem_is_chosen_by_size_and_recorded(stem, image_size, settled, stride):
    config = ModelConfig(backbone="test_resnet", stem=stem)
    network, resolved = build_resolved(config, 5, image_size)
    assert resolved.stem == settled
    assert network.conv1[0].stride == stride
    again, _ = build_resolved(resolved, 5, 64)
    assert again.conv1[0].stride == stride


def test_a_transformer_has_its_own_stem_under_64_px():
    assert build_resolved(ModelConfig(backbone="test_vit"), 5, 32)[1].stem == "original"


def test_dropout_and_drop_path_arrive():
    network = build(ModelConfig(backbone="test_convnext", dropout=0.2, drop_path=0.3), 5, 32)
    assert network.drop_rate == 0.2
    assert network.stages[-1].blocks[-1].drop_path.drop_prob == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("config", "image_size", "message"),
    [
        (ModelConfig(backbone="test_vit"), 40, "image_size must be a multiple of 16 for test_vit, got 40"),
        (ModelConfig(backbone="test_vit"), (64, 40), "must be a multiple of 16 for test_vit, got 64x40"),
        (ModelConfig(backbone="nest_tiny"), (64, 32), "nest_tiny cannot be built for images of 64x32 px: "),
        (ModelConfig(backbone="test_maxvit"), 40, "test_maxvit cannot be built for images of 40 px: "),
        (ModelConfig(backbone="resnet18", weights="nowhere.pth"), 32, "nowhere.pth: no such file"),
    ],
)
def test_what_cannot_be_built_is_one_line(config, image_size, message):
    for attempt in (build, build_blank):
        with pytest.raises(ModelError, match=message) as raised:
            attempt(config, 5, image_size)
        assert "\n" not in str(raised.value)


def test_a_check_makes_no_weights():
    network = build_blank(ModelConfig(backbone="vit_giant_patch14_224"), 1000, 28)
    assert sum(weight.nbytes for weight in network.parameters()) > 4e9
    assert all(values.is_meta for values in (*network.parameters(), *network.buffers()))


def test_no_small_stem_where_none_can_be_made():
    asked = ModelConfig(backbone="vgg11").model_copy(
        update={"stem": "small"}
    )  # as for a net not in the table
    with pytest.raises(ModelError, match="no small stem can be made for vgg11"):
        build_blank(asked, 5, 32)


def test_published_weights_that_cannot_be_fetched_are_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path)
    )  # empty, and tests are offline
    with pytest.raises(ModelError, match="timm's weights of test_resnet cannot be loaded: ") as raised:
        build(ModelConfig(backbone="test_resnet", pretrained=True), 5, 32)
    assert "\n" not in str(raised.value)
