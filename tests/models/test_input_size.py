"""A network with a changed image size equals one built for that size, with the same weights."""

import pytest
import torch

from platform.datasets.image_size import as_size
from platform.models.build import build_blank, build_resolved
from platform.models.errors import ModelError
from platform.models.input_size import set_image_size
from platform.models.model_config import ModelConfig

pytestmark = pytest.mark.sweep

SWIN = "swin_tiny_patch4_window7_224"


def built(backbone, image_size):
    """The network with non-zero weights only, so that each has an effect."""
    torch.manual_seed(0)
    network, section = build_resolved(ModelConfig(backbone=backbone), 5, image_size)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.02 * torch.randn_like(parameter))
    return network.eval(), section


def values(network):
    return {name: value.clone() for name, value in network.state_dict().items()}


def changed(before, after):
    assert before.keys() == after.keys()
    return {name for name in before if not torch.equal(before[name], after[name])}


def logits(network, image_size):
    images = torch.randn(2, 3, *as_size(image_size), generator=torch.Generator().manual_seed(1))
    return network(images)


@pytest.mark.parametrize(
    ("backbone", "small", "large", "resampled"),
    [
        ("test_vit", 32, 64, "pos_embed"),
        (SWIN, 32, 64, "relative_position_bias_table"),
        ("test_maxvit", 64, 128, "relative_position_bias_table"),
        ("test_convnext", 32, 64, None),
        ("test_resnet", 64, 32, None),
        ("test_vit", 32, (64, 32), "pos_embed"),
        ("test_vit", (64, 32), (32, 64), "pos_embed"),
        (SWIN, 32, (64, 32), "relative_position_bias_table"),
        (SWIN, (64, 32), 64, "relative_position_bias_table"),
        ("test_maxvit", 64, (128, 64), "relative_position_bias_table"),
        ("test_resnet", 64, (64, 32), None),
    ],
)
def test_weights_stay_and_what_depends_on_the_size_is_resampled(backbone, small, large, resampled):
    network, section = built(backbone, small)
    before, state = values(network), torch.get_rng_state()
    set_image_size(network, section, large)
    assert torch.equal(torch.get_rng_state(), state), "a trial's random numbers do not depend on it"
    assert not network.training

    after = values(network)
    different = changed(before, after)
    assert all(name.endswith(str(resampled)) for name in different)
    assert bool(different) == (resampled is not None)

    reference, _ = build_resolved(section, 5, large)
    reference.eval().load_state_dict(after)
    torch.testing.assert_close(logits(network, large), logits(reference, large))

    logits(network, large).square().sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())


@pytest.mark.parametrize("backbone", ["test_vit", SWIN])
def test_up_and_back_ends_with_the_same_tensors_but_for_what_is_resampled(backbone):
    network, section = built(backbone, 32)
    resampled = ("pos_embed", "relative_position_bias_table")
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if name.endswith(resampled):
                parameter.fill_(0.3)  # whatever the sizes, it stays so
    before = values(network)
    for image_size in (64, (64, 32), 32):
        set_image_size(network, section, image_size)
    for name, value in network.state_dict().items():
        if name.endswith(resampled):
            torch.testing.assert_close(value, before[name])
        else:
            assert torch.equal(value, before[name]), name
    logits(network, 32)


@pytest.mark.parametrize("image_size", [96, (128, 64)])
@pytest.mark.parametrize("backbone", [SWIN, "swinv2_tiny_window8_256", "swinv2_cr_tiny_ns_224"])
def test_windows_are_those_of_a_network_built_for_the_size(backbone, image_size):
    section = ModelConfig(backbone=backbone)
    network = build_blank(section, 5, 32)
    set_image_size(network, section, image_size)
    reference = build_blank(section, 5, image_size)
    for (name, one), (_, other) in zip(network.named_modules(), reference.named_modules(), strict=True):
        assert getattr(one, "window_size", None) == getattr(other, "window_size", None), name


def test_what_does_not_learn_still_does_not():
    network, section = built("test_vit", 32)
    network.requires_grad_(False)
    network.head.requires_grad_(True)
    set_image_size(network, section, 48)
    assert {name for name, one in network.named_parameters() if one.requires_grad} == {
        "head.weight",
        "head.bias",
    }


@pytest.mark.parametrize(
    ("backbone", "before", "after", "message"),
    [
        ("test_vit", 32, 40, "image_size must be a multiple of 16 for test_vit, got 40"),
        ("mixer_s16_224", 32, 64, "mixer_s16_224 cannot be set to images of 64 px: timm cannot resize it"),
        ("mvitv2_tiny", 64, 128, "mvitv2_tiny cannot be set to images of 128 px: timm cannot resize it"),
        ("test_vit", 32, (32, 40), "image_size must be a multiple of 16 for test_vit, got 32x40"),
        ("coat_tiny", 32, 64, "coat_tiny cannot be built for images of 64 px: Input height"),
        ("test_maxvit", 64, 40, "test_maxvit cannot be built for images of 40 px: "),
    ],
)
def test_a_size_that_cannot_be_is_one_line(backbone, before, after, message):
    section = ModelConfig(backbone=backbone)
    network = build_blank(section, 5, before)
    with pytest.raises(ModelError, match=message) as raised:
        set_image_size(network, section, after)
    assert "\n" not in str(raised.value)
