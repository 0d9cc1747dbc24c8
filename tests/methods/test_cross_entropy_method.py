from dataclasses import replace

import pytest
import torch
from torch import nn

from platform.datasets.batches.loader import Batch
from platform.losses.balanced_softmax import balanced_softmax
from platform.losses.cross_entropy import cross_entropy
from platform.methods import Progress
from platform.methods._label_losses import BalancedSoftmax
from platform.methods.cross_entropy import Config, Method

COUNTS_C = torch.tensor([50, 5, 0])
LABELS_B = torch.tensor([0, 1, 1, 0])


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(12, 3))


@pytest.fixture
def batch():
    images = torch.randn(4, 3, 2, 2, generator=torch.Generator().manual_seed(1))
    return Batch(images, LABELS_B, torch.arange(4))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (Config(), lambda z: cross_entropy(z, LABELS_B)),
        (Config(label_smoothing=0.2), lambda z: cross_entropy(z, LABELS_B, label_smoothing=0.2)),
        (Config(loss=BalancedSoftmax()), lambda z: balanced_softmax(z, LABELS_B, COUNTS_C)),
    ],
)
def test_it_learns_the_mean_loss(config, expected, network, batch):
    output = Method(config, COUNTS_C).step([network], batch, Progress())
    torch.testing.assert_close(output.losses, (expected(network(batch.images)).mean(),))
    assert output.metrics["loss"] == output.losses[0]
    assert output.metrics["accuracy"] == (network(batch.images).argmax(1) == LABELS_B).float().mean()


def test_losses_are_float32_under_autocast(network, batch):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = Method(Config(), COUNTS_C).step([network], batch, Progress())
    assert output.losses[0].dtype == torch.float32


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (Config(label_smoothing=0.2), lambda z, t: cross_entropy(z, t, label_smoothing=0.2)),
        (Config(loss=BalancedSoftmax()), lambda z, t: balanced_softmax(z, t, COUNTS_C)),
    ],
)
def test_it_learns_soft_labels_and_tells_of_the_given_ones(config, expected, network, batch):
    targets_BC = torch.tensor([[0.3, 0.7, 0], [0, 1, 0], [0.5, 0.5, 0], [0.9, 0.1, 0]])
    output = Method(config, COUNTS_C).step([network], replace(batch, targets=targets_BC), Progress())
    logits_BC = network(batch.images)
    torch.testing.assert_close(output.losses, (expected(logits_BC, targets_BC).mean(),))
    assert output.metrics["accuracy"] == (logits_BC.argmax(1) == LABELS_B).float().mean()
    torch.testing.assert_close(output.samples.losses_MB[0], cross_entropy(logits_BC, LABELS_B).detach())


@pytest.mark.parametrize("config", [Config(), Config(label_smoothing=0.5), Config(loss=BalancedSoftmax())])
def test_it_tells_each_samples_plain_cross_entropy(config, network, batch):
    samples = Method(config, COUNTS_C).step([network], batch, Progress()).samples
    logits_BC = network(batch.images).detach()
    torch.testing.assert_close(samples.losses_MB, cross_entropy(logits_BC, LABELS_B)[None])
    assert torch.equal(samples.predictions_MB, logits_BC.argmax(1)[None])
    assert samples.selected_MB.tolist() == [[True] * 4]
    assert not samples.losses_MB.requires_grad
