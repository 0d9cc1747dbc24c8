from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from platform.losses.cross_entropy import cross_entropy
from platform.losses.peer_selection import mean_of_selected, peer_selection

GOLDEN = Path(__file__).parents[1] / "golden" / "losses.npz"


def chosen_one_by_one(agreed, peer_losses, drop_rate):
    """The rule in words: all disagreed samples and the agreed ones that are easiest for the peer."""
    agreed_samples = [sample for sample, is_agreed in enumerate(agreed) if is_agreed]
    kept = int((1 - Fraction(str(drop_rate))) * len(agreed_samples))
    easiest = sorted(agreed_samples, key=lambda sample: peer_losses[sample])[:kept]  # sorted() is stable
    return [not is_agreed or sample in easiest for sample, is_agreed in enumerate(agreed)]


@pytest.mark.parametrize("drop_rate", [0.0, 0.1, 0.25, 0.5, 0.7, 0.9, 0.999, 1.0])
@pytest.mark.parametrize("share_agreed", [0.0, 0.3, 0.8, 1.0])
def test_equals_the_rule_sample_by_sample(drop_rate, share_agreed):
    rng = torch.Generator().manual_seed(int(100 * share_agreed))
    agreed_B = torch.rand(40, generator=rng) < share_agreed
    losses_B = torch.randint(0, 8, (40,), generator=rng).float()  # many ties
    actual_B = peer_selection(agreed_B, losses_B, drop_rate=drop_rate)
    assert actual_B.tolist() == chosen_one_by_one(agreed_B.tolist(), losses_B.tolist(), drop_rate)


@pytest.mark.parametrize("drop_rate", [number / 100 for number in range(100)])
def test_no_sample_is_lost_to_rounding(drop_rate):
    for samples in (1, 3, 7, 10, 50, 100, 300):
        chosen_B = peer_selection(
            torch.ones(samples, dtype=torch.bool), torch.arange(samples).float(), drop_rate=drop_rate
        )
        assert chosen_B.sum() == int((1 - Fraction(str(drop_rate))) * samples)


def test_ties_are_broken_by_position():
    chosen_B = peer_selection(torch.ones(64, dtype=torch.bool), torch.zeros(64), drop_rate=0.75)
    assert chosen_B.nonzero().squeeze(1).tolist() == list(range(16))


@pytest.mark.parametrize("case", ["peer_0", "peer_1", "peer_2"])
@pytest.mark.parametrize(("own", "peer"), [("1", "2"), ("2", "1")])
def test_value_and_gradient_equal_the_published_code(case, own, peer):
    golden = {
        key.split("/")[1]: torch.tensor(value[()])
        for key, value in np.load(GOLDEN).items()
        if key.startswith(case)
    }
    logits_BC, peer_logits_BC = golden[f"logits_{own}"].requires_grad_(), golden[f"logits_{peer}"]
    agreed_B = logits_BC.argmax(1) == peer_logits_BC.argmax(1)
    assert 0 < agreed_B.sum() < len(agreed_B), "the case tests nothing"
    selected_B = peer_selection(
        agreed_B, cross_entropy(peer_logits_BC, golden["labels"]), drop_rate=golden["drop_rate"].item()
    )
    loss = mean_of_selected(cross_entropy(logits_BC, golden["labels"]), selected_B)
    loss.backward()
    torch.testing.assert_close(loss.detach(), golden[f"loss_{own}"])
    torch.testing.assert_close(logits_BC.grad, golden[f"grad_{own}"])


@pytest.mark.parametrize(
    ("agreed", "drop_rate", "selected"),
    [
        pytest.param([True, True], 0.999, [False, False], id="nothing disagreed and nothing kept"),
        pytest.param([False, False], 0.999, [True, True], id="nothing agreed"),
        pytest.param([True], 0.5, [False], id="one agreed sample, dropped"),
        pytest.param([True], 0.0, [True], id="one agreed sample, kept"),
        pytest.param([False], 0.5, [True], id="one disagreed sample"),
    ],
)
def test_edges_are_finite_and_right(agreed, drop_rate, selected):
    losses_B = torch.arange(1.0, len(agreed) + 1, requires_grad=True)
    selected_B = peer_selection(torch.tensor(agreed), losses_B, drop_rate=drop_rate)
    loss = mean_of_selected(losses_B, selected_B)
    loss.backward()
    assert selected_B.tolist() == selected
    share = sum(selected) or 1
    assert (
        loss.item() == sum(value for value, by in zip(losses_B.tolist(), selected, strict=True) if by) / share
    )
    assert losses_B.grad.tolist() == [by / share for by in selected]


@pytest.mark.parametrize("drop_rate", [-0.1, 1.1])
def test_a_drop_rate_outside_of_0_to_1_is_refused(drop_rate):
    with pytest.raises(ValueError, match=f"drop_rate must be in .0, 1., got {drop_rate}"):
        peer_selection(torch.tensor([True]), torch.zeros(1), drop_rate=drop_rate)
