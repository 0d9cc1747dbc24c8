"""Contrast at several depths, and its baseline of classifiers."""

import pytest
import torch
from pydantic import ValidationError

from platform.datasets.loader import Batch
from platform.losses.contrastive import simclr, supcon
from platform.losses.cross_entropy import cross_entropy
from platform.methods import Progress, deep_supervision
from platform.methods.supcon import Config, Method
from platform.models.build import build
from platform.models.model_config import ModelConfig

LABELS = torch.tensor([0, 1, 0, 2])
COUNTS = torch.tensor([5, 3, 2])


@pytest.fixture
def batch():
    images = torch.randn(2, 4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    return Batch(images[0], LABELS, torch.arange(4), second=images[1])


@pytest.fixture
def network():
    torch.manual_seed(0)
    return build(ModelConfig(backbone="test_convnext"), 3, 32)


def stepped(method, network, batch):
    companion = method.companion(network)
    found = {}

    def learner(*images):
        found["outputs"] = companion(network, *images)
        return found["outputs"]

    return method.step([learner], batch, Progress()), found["outputs"], companion


@pytest.mark.parametrize("contrast", ["supcon", "simclr"])
def test_its_loss_is_the_sum_of_its_parts(contrast, network, batch):
    config = Config(contrast=contrast, contrast_weight=0.5, temperature=0.2, stages=(-2, -1), anchors="one")
    output, (logits, projections), _ = stepped(Method(config, COUNTS), network, batch)
    assert projections.shape == (4, 2, 2, 128)
    of_heads = [
        supcon(each, LABELS, temperature=0.2, anchors="one")
        if contrast == "supcon"
        else simclr(each, temperature=0.2, anchors="one")
        for each in projections.unbind(1)
    ]
    expected = cross_entropy(logits, LABELS).mean() + 0.5 * (of_heads[0] + of_heads[1])
    torch.testing.assert_close(output.losses[0], expected)
    torch.testing.assert_close(logits, network(batch.images))


def test_contrast_alone_leaves_the_classifier_as_it_is(network, batch):
    method = Method(Config(cross_entropy_weight=0.0), COUNTS)
    output, _, companion = stepped(method, network, batch)
    output.losses[0].backward()
    assert all((weight.grad == 0).all() for weight in network.get_classifier().parameters())
    assert any((weight.grad != 0).any() for weight in network.stages.parameters())
    assert all(weight.grad is not None for weight in companion.parameters())


def test_something_must_be_learnt():
    with pytest.raises(ValidationError, match="nothing is learnt"):
        Config(contrast_weight=0, cross_entropy_weight=0)


def test_deep_supervision_adds_the_classifiers_losses(network, batch):
    config = deep_supervision.Config(stages=(-2,), auxiliary_weight=0.3, kl_weight=2.0)
    output, (logits, others), _ = stepped(
        deep_supervision.Method(config, COUNTS), network, Batch(batch.images, LABELS, batch.rows)
    )
    auxiliary = cross_entropy(others[:, 0], LABELS) + 2.0 * cross_entropy(
        others[:, 0], logits.detach().softmax(1)
    )
    expected = cross_entropy(logits, LABELS).mean() + 0.3 * auxiliary.mean()
    torch.testing.assert_close(output.losses[0], expected)
