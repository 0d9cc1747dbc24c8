import pytest
import torch
from torch import nn

from platform.datasets.loader import Batch
from platform.losses.balanced_softmax import balanced_softmax
from platform.losses.cross_entropy import cross_entropy
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
        (Config(loss="balanced_softmax"), lambda z: balanced_softmax(z, LABELS_B, COUNTS_C)),
    ],
)
def test_it_learns_the_mean_loss(config, expected, network, batch):
    output = Method(config, COUNTS_C).step([network], batch, 0)
    torch.testing.assert_close(output.losses, (expected(network(batch.images)).mean(),))
    assert output.metrics["loss"] == output.losses[0]
    assert output.metrics["accuracy"] == (network(batch.images).argmax(1) == LABELS_B).float().mean()


def test_losses_are_float32_under_autocast(network, batch):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = Method(Config(), COUNTS_C).step([network], batch, 0)
    assert output.losses[0].dtype == torch.float32
