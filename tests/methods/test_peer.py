from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from platform.datasets.batches.loader import Batch
from platform.losses.balanced_softmax import balanced_softmax
from platform.losses.cross_entropy import cross_entropy
from platform.methods import Progress
from platform.methods.peer import Config, Method

GOLDEN = Path(__file__).parents[1] / "golden" / "losses.npz"


class Fixed(nn.Module):
    """A network whose logits are its only weights, whatever the images."""

    def __init__(self, logits_BC):
        super().__init__()
        self.logits_BC = nn.Parameter(torch.as_tensor(logits_BC, dtype=torch.float32))

    def forward(self, images):
        return self.logits_BC


def batch_of(labels):
    labels_B = torch.as_tensor(labels)
    return Batch(torch.zeros(len(labels_B), 3, 8, 8), labels_B, torch.arange(len(labels_B)))


def step(config, logits, labels, class_counts=(5, 3, 2), epoch=100):
    networks = [Fixed(each) for each in logits]
    output = Method(config, torch.tensor(class_counts)).step(networks, batch_of(labels), Progress(epoch))
    torch.stack(output.losses).sum().backward()
    return networks, output


@pytest.mark.parametrize("case", ["peer_0", "peer_1", "peer_2"])
def test_losses_and_gradients_equal_the_published_code(case):
    golden = {key.split("/")[1]: value[()] for key, value in np.load(GOLDEN).items() if key.startswith(case)}
    networks, output = step(
        Config(drop_rate=float(golden["drop_rate"]), ramp_epochs=0),
        (golden["logits_1"], golden["logits_2"]),
        golden["labels"],
        class_counts=[1] * golden["logits_1"].shape[1],
    )
    for number, (network, loss) in enumerate(zip(networks, output.losses, strict=True), start=1):
        assert loss.item() == pytest.approx(float(golden[f"loss_{number}"]), rel=1e-5)
        expected = torch.tensor(golden[f"grad_{number}"], dtype=torch.float32)
        torch.testing.assert_close(network.logits_BC.grad, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("epoch", "expected"), [(0, 0.0), (1, 0.1), (2, 0.2), (3, 0.3), (4, 0.4), (5, 0.4), (50, 0.4)]
)
def test_the_drop_rate_ramps_from_zero(epoch, expected):
    assert Config(drop_rate=0.4, ramp_epochs=4).drop_rate_at(epoch) == pytest.approx(expected)
    assert Config(drop_rate=0.4, ramp_epochs=0).drop_rate_at(epoch) == 0.4


# Rows: both networks agree on the first four samples and not on the last; class 2 is rare. The second
# network finds samples 0, 1, 2, 3 easy in this order, the first one in the opposite order.
LOGITS_1 = [[2.0, 0, 0], [2.5, 0, 0], [3.0, 0, 0], [0, 0, 4.0], [0, 1.0, 0]]
LOGITS_2 = [[5.0, 0, 0], [4.0, 0, 0], [3.0, 0, 0], [0, 0, 2.9], [1.0, 0, 0]]
LABELS = [0, 0, 0, 2, 1]


def test_each_network_learns_what_its_peer_finds_easy():
    networks, output = step(Config(drop_rate=0.5, ramp_epochs=0), (LOGITS_1, LOGITS_2), LABELS)
    learned = [network.logits_BC.grad.abs().sum(1).bool().tolist() for network in networks]
    assert learned == [[True, True, False, False, True], [False, False, True, True, True]]
    for network, rows, loss in zip(networks, ([0, 1, 4], [2, 3, 4]), output.losses, strict=True):
        losses_B = cross_entropy(network.logits_BC, torch.tensor(LABELS))
        torch.testing.assert_close(loss, losses_B[rows].mean())


def test_balanced_softmax_is_for_the_agreed_samples_and_smoothing_for_all():
    config = Config(drop_rate=0.0, agreed_loss="balanced_softmax", label_smoothing=0.1)
    counts = (100, 10, 1)
    networks, output = step(config, (LOGITS_1, LOGITS_2), LABELS, counts)
    logits_BC, labels_B = networks[0].logits_BC, torch.tensor(LABELS)
    agreed_B = balanced_softmax(logits_BC[:4], labels_B[:4], torch.tensor(counts), label_smoothing=0.1)
    disagreed_B = cross_entropy(logits_BC[4:], labels_B[4:], label_smoothing=0.1)
    torch.testing.assert_close(output.losses[0], torch.cat([agreed_B, disagreed_B]).mean())


@pytest.mark.parametrize(("rank_by", "is_tail_dropped"), [("loss", True), ("cross_entropy", False)])
def test_ranking_by_cross_entropy_spares_the_tail(rank_by, is_tail_dropped):
    """Sample 3, of the rare class, is the easiest by cross-entropy and the hardest by Balanced Softmax."""
    logits = [[2.0, 0, 0], [2.1, 0, 0], [2.2, 0, 0], [0, 0, 3.0]]
    config = Config(drop_rate=0.25, ramp_epochs=0, agreed_loss="balanced_softmax", rank_by=rank_by)
    networks, _ = step(config, (logits, logits), [0, 0, 0, 2], class_counts=(1000, 10, 1))
    assert (networks[0].logits_BC.grad[3].abs().sum() == 0) == is_tail_dropped


def test_smoothing_does_not_rank():
    """With s = 0.6 the surest sample 0 has the largest smoothed loss; it is kept as the easiest anyhow."""
    logits = [[9.0, 0, 0], [2.0, 0, 0]]
    config = Config(drop_rate=0.5, ramp_epochs=0, label_smoothing=0.6)
    networks, _ = step(config, (logits, logits), [0, 0])
    smoothed_B = cross_entropy(torch.tensor(logits), torch.tensor([0, 0]), label_smoothing=0.6)
    assert smoothed_B[0] > smoothed_B[1]
    assert networks[0].logits_BC.grad.abs().sum(1).bool().tolist() == [True, False]


@pytest.mark.parametrize("agreed_loss", ["cross_entropy", "balanced_softmax"])
@pytest.mark.parametrize(
    ("logits_1", "logits_2", "labels", "selected"),
    [
        pytest.param([[1.0, 0, 0]] * 2, [[1.0, 0, 0]] * 2, [0, 1], 0.0, id="nothing disagreed, nothing kept"),
        pytest.param([[1.0, 0, 0]] * 2, [[0, 1.0, 0]] * 2, [0, 1], 1.0, id="nothing agreed"),
        pytest.param([[1.0, 0, 0]], [[1.0, 0, 0]], [0], 0.0, id="one agreed sample"),
        pytest.param([[1.0, 0, 0]], [[0, 1.0, 0]], [1], 1.0, id="one disagreed sample"),
    ],
)
def test_edges_are_finite_and_right(agreed_loss, logits_1, logits_2, labels, selected):
    config = Config(drop_rate=0.999, ramp_epochs=0, agreed_loss=agreed_loss, label_smoothing=0.1)
    networks, output = step(config, (logits_1, logits_2), labels, class_counts=(7, 2, 0))
    assert output.metrics["dropped"] == 1 - selected
    for network, loss in zip(networks, output.losses, strict=True):
        assert loss.isfinite()
        assert network.logits_BC.grad.isfinite().all()
        assert (loss == 0) == (selected == 0)
        assert (network.logits_BC.grad == 0).all() == (selected == 0)


def test_metrics_are_of_the_batch():
    _, output = step(Config(drop_rate=0.25, ramp_epochs=0), (LOGITS_1, LOGITS_2), [0, 0, 1, 2, 1])
    metrics = {name: pytest.approx(value.item()) for name, value in output.metrics.items()}
    assert metrics == {
        "loss": (output.losses[0] + output.losses[1]).item() / 2,
        "agreement": 0.8,
        "drop_rate": 0.25,
        "dropped": 0.2,
        "accuracy": 0.6,  # of the mean probabilities: a tie on the last sample goes to its first class
        "accuracy_network_1": 0.8,
        "accuracy_network_2": 0.6,
    }
    assert not any(value.requires_grad for value in output.metrics.values())


def test_what_a_network_did_not_learn_is_told_sample_by_sample():
    config = Config(drop_rate=0.5, ramp_epochs=0, agreed_loss="balanced_softmax", label_smoothing=0.3)
    networks, output = step(config, (LOGITS_1, LOGITS_2), LABELS, class_counts=(100, 10, 1))
    learned_MB = [network.logits_BC.grad.abs().sum(1).bool().tolist() for network in networks]
    assert output.samples.selected_MB.tolist() == learned_MB
    assert output.samples.predictions_MB.tolist() == [[0, 0, 0, 2, 1], [0, 0, 0, 2, 0]]
    plain_MB = [cross_entropy(network.logits_BC, torch.tensor(LABELS)) for network in networks]
    torch.testing.assert_close(output.samples.losses_MB, torch.stack(plain_MB).detach())
    assert output.samples.losses_MB.dtype == torch.float32
    assert not output.samples.losses_MB.requires_grad


def test_mixed_pictures_are_refused():
    batch = replace(batch_of([0, 1]), targets=torch.full((2, 3), 1 / 3))
    networks = [Fixed(torch.zeros(2, 3)), Fixed(torch.zeros(2, 3))]
    with pytest.raises(AssertionError, match="mixed images have none"):
        Method(Config(), torch.tensor([1, 1, 1])).step(networks, batch, Progress())
