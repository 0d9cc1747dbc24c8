"""Contrastive deep supervision, and its baseline with classifiers."""

from dataclasses import replace

import pytest
import torch
from pydantic import ValidationError

from platform.datasets.batches.loader import Batch
from platform.losses.balanced_softmax import balanced_softmax
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


@pytest.mark.parametrize("loss", ["cross_entropy", "balanced_softmax"])
@pytest.mark.parametrize("labels", [[0, -1, 2, -1], [-1, -1, -1, 1]], ids=["half", "one"])
def test_cross_entropy_is_of_the_labelled_samples_and_contrast_of_all(labels, loss, network, batch):
    labels = torch.tensor(labels)
    method = Method(Config(contrast_weight=0.5, stages=(-2, -1), loss=loss), COUNTS)
    output, (logits, projections), _ = stepped(method, network, replace(batch, labels=labels))
    known = labels >= 0
    counts = COUNTS if loss == "balanced_softmax" else torch.ones(3)
    own = balanced_softmax(logits[known], labels[known], counts)  # of even counts it is cross-entropy
    contrast = sum(supcon(each, labels, temperature=0.1) for each in projections.unbind(1))
    torch.testing.assert_close(output.losses[0], own.mean() + 0.5 * contrast)
    assert output.counts["accuracy"] == output.counts["loss_labels"] == known.sum()
    assert output.metrics["accuracy"] == (logits[known].argmax(1) == labels[known]).float().mean()
    given = cross_entropy(logits[known].detach(), labels[known])
    torch.testing.assert_close(output.samples.losses_MB[0, known], given)
    assert (output.samples.losses_MB[0, ~known] == 0).all()
    assert output.samples.selected_MB.all()


def test_without_any_label_contrast_alone_is_learnt(network, batch):
    method = Method(Config(), COUNTS)
    output, (_, projections), _ = stepped(method, network, replace(batch, labels=torch.full((4,), -1)))
    contrast = sum(simclr(each, temperature=0.1) for each in projections.unbind(1))
    torch.testing.assert_close(output.losses[0], 0.2 * contrast)
    output.losses[0].backward()
    assert all((weight.grad == 0).all() for weight in network.get_classifier().parameters())
    assert all(weight.grad.isfinite().all() for weight in network.parameters() if weight.grad is not None)
    assert all(value.isfinite() for value in output.metrics.values())


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
