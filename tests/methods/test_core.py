"""CORE's two phases, computed by hand."""

import pytest
import torch

from platform.datasets.batches.loader import Batch
from platform.losses.co_refining import co_refining, prior_divergence
from platform.losses.cross_entropy import cross_entropy
from platform.losses.self_refining import self_refining
from platform.methods import Learner, Progress
from platform.methods.core import Config, Method

COUNTS = torch.tensor([6, 3, 1])
LABELS = torch.tensor([0, 1, 2, 0, 1])


@pytest.fixture
def logits():
    random = torch.Generator().manual_seed(0)
    return [3 * torch.randn(5, 3, generator=random) for _ in range(2)]


def step(config, logits, **progress):
    batch = Batch(torch.zeros(5, 3, 8, 8), LABELS, torch.arange(5))
    networks: list[Learner] = [lambda *_, own=own: own for own in logits]
    return Method(config, COUNTS).step(networks, batch, Progress(**progress))


def test_the_first_epoch_believes_the_given_labels(logits):
    output = step(Config(), logits, epoch=0)
    for loss, own in zip(output.losses, logits, strict=True):
        torch.testing.assert_close(loss, cross_entropy(own, LABELS).mean())
    assert output.metrics["self_weight"] == 0 and output.metrics["refined"] == 0


@pytest.mark.parametrize(("rule", "weights"), [("1/(1+L)", (0.5, 0.25)), ("L/(1+L)", (0.5, 0.75))])
def test_each_network_believes_itself_by_its_own_last_loss(rule, weights, logits):
    last = {"train/loss_network_1": 1.0, "train/loss_network_2": 3.0}
    output = step(Config(self_weight=rule), logits, epoch=1, last=last)
    for loss, own, weight in zip(output.losses, logits, weights, strict=True):
        torch.testing.assert_close(loss, self_refining(own, LABELS, weight=weight).mean())


def test_then_each_learns_the_others_prediction(logits):
    output = step(Config(self_refining_epochs=2, kl_weight=0.5), logits, epoch=2)
    one, two = logits
    torch.testing.assert_close(output.losses[0], co_refining(one, two, kl_weight=0.5).mean())
    torch.testing.assert_close(output.losses[1], co_refining(two, one, kl_weight=0.5).mean())
    changed = [(peer.argmax(1) != LABELS).float().mean() for peer in (two, one)]
    assert output.metrics["refined"] == pytest.approx(sum(changed).item() / 2)


def test_the_selective_variant_learns_what_both_agree_on(logits):
    agreed = logits[0].argmax(1) == logits[1].argmax(1)
    assert 0 < agreed.sum() < 5
    output = step(Config(self_refining_epochs=0, selective=True), logits, epoch=0)
    torch.testing.assert_close(output.losses[0], co_refining(*logits, kl_weight=1.0)[agreed].mean())
    assert torch.equal(output.samples.selected_MB, torch.stack([agreed, agreed]))


def test_what_holds_the_second_phase_is_added(logits):
    held = Config(self_refining_epochs=0, given_share=0.3, prior_weight=2.0)
    one, two = logits
    expected = (0.7 * co_refining(one, two, kl_weight=1.0) + 0.3 * cross_entropy(one, LABELS)).mean()
    expected = expected + 2.0 * prior_divergence(one, COUNTS / 10)
    torch.testing.assert_close(step(held, logits, epoch=0).losses[0], expected)
