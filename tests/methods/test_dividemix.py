import numpy as np
import pytest
import torch
from torch import nn

from platform.datasets.batches.loader import Batch
from platform.losses.co_refining import prior_divergence
from platform.losses.cross_entropy import cross_entropy
from platform.methods import Progress, dividemix
from platform.training.loop.learner import learners
from platform.training.loop.workers import ALONE
from tests.methods.fixed_networks import tables_of

LABELS = torch.tensor([0, 1, 2, -1])
COUNTS = torch.tensor([4, 2, 2])


class Linear(nn.Module):
    """Logits are the first three values of an image."""

    def __init__(self, scale):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(scale))

    def forward(self, images):
        return self.scale * images.flatten(1)[:, :3]


def batch_of(weights=None):
    images = torch.randn(4, 3, 1, 1, generator=torch.Generator().manual_seed(0))
    return Batch(images, LABELS, torch.arange(4), second=images.flip(1), weights=weights)


def stepped(epoch, *, clean=None, batch=None, **settings):
    method = dividemix.Method(dividemix.Config(warmup_epochs=1, **settings), COUNTS)
    tables = tables_of(method, images=4)
    if clean is not None:
        tables["clean_probability"].values_NK.copy_(torch.tensor(clean))
    networks = [Linear(1.0), Linear(-1.0)]
    batch = batch or batch_of()
    by = learners(networks, [None, None], ALONE, len(batch), "fp32")
    return method.step(by, batch, Progress(epoch, tables=tables, seed=3)), tables, networks


def test_the_warm_up_learns_the_labels_and_remembers_their_losses():
    output, tables, _ = stepped(0)
    logits_BC = batch_of().images.flatten(1)
    for number, sign in enumerate((1, -1)):
        losses_B = cross_entropy(sign * logits_BC, LABELS.clamp(min=0))
        torch.testing.assert_close(output.losses[number].detach(), losses_B[:3].mean())
        remembered = tables["losses"].values_NK[:, number]
        torch.testing.assert_close(remembered, torch.cat([losses_B[:3], torch.tensor([-1.0])]))


def test_each_network_takes_the_labels_that_the_others_losses_call_clean():
    clean = [[0.9, 0.2], [0.9, 0.9], [0.1, 0.7], [1.0, 1.0]]
    output, _, _ = stepped(1, clean=clean)
    selected = output.samples.selected_MB.tolist()
    assert selected == [[False, True, True, False], [True, True, False, False]]


def test_where_nothing_is_clean_the_guesses_alone_are_learnt():
    output, _, networks = stepped(3, clean=[[0.0, 0.0]] * 4, unlabelled_weight=10.0, ramp_epochs=1)
    torch.stack(output.losses).sum().backward()
    assert all(network.scale.grad.isfinite() and network.scale.grad != 0 for network in networks)
    assert not output.samples.selected_MB.any()


def test_a_mixed_image_is_learnt_with_the_mixed_targets():
    """As in the docstring, written out: a shift by `shift`, and a share of at least a half."""
    output, _, _ = stepped(1, prior="uniform")
    random = np.random.default_rng([3, 1, 0, 0])
    share = random.beta(4.0, 4.0)
    share, shift = max(share, 1 - share), int(random.integers(1, 8))
    batch = batch_of()
    both = torch.cat([batch.images, batch.second]).flatten(1)
    mean_BC = (both[:4].softmax(1) + both[4:].softmax(1)) / 2
    other_BC = ((-both[:4]).softmax(1) + (-both[4:]).softmax(1)) / 2
    guessed_BC = ((mean_BC + other_BC) / 2) ** 2
    targets_BC = torch.nn.functional.one_hot(LABELS.clamp(min=0), 3).float()
    targets_BC[3] = guessed_BC[3] / guessed_BC[3].sum()
    targets_NC = targets_BC.repeat(2, 1)
    logits_NC = share * both + (1 - share) * both.roll(shift, 0)
    targets_NC = share * targets_NC + (1 - share) * targets_NC.roll(shift, 0)
    labelled_N = LABELS.repeat(2) >= 0
    expected = cross_entropy(logits_NC, targets_NC)[labelled_N].mean()
    expected = expected + prior_divergence(logits_NC, torch.full((3,), 1 / 3))
    torch.testing.assert_close(output.losses[0].detach(), expected)


def test_the_division_is_of_known_losses_only_and_begins_with_the_warm_ups_end():
    method = dividemix.Method(dividemix.Config(warmup_epochs=2), COUNTS)
    tables = tables_of(method, images=9)
    low, high = torch.linspace(0, 0.2, 4), torch.linspace(3, 3.2, 4)
    tables["losses"].values_NK[:8] = torch.stack([torch.cat([low, high]), torch.cat([high, low])], dim=1)
    method.epoch_started(Progress(1, tables=tables))
    assert (tables["clean_probability"].values_NK == 1).all()
    method.epoch_started(Progress(2, tables=tables))
    clean = tables["clean_probability"].values_NK > 0.5
    assert clean[:, 0].tolist() == [True] * 4 + [False] * 4 + [True], "no loss says otherwise of the last"
    assert clean[:, 1].tolist() == [False] * 4 + [True] * 5


@pytest.mark.parametrize(
    ("prior", "expected"), [("class_counts", [0.5, 0.25, 0.25]), ("uniform", [1 / 3] * 3)]
)
def test_the_prior_is_the_classes_or_uniform(prior, expected):
    method = dividemix.Method(dividemix.Config(prior=prior), COUNTS)
    torch.testing.assert_close(method.prior_C, torch.tensor(expected))
