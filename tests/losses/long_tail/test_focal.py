import math

import pytest
import torch

from platform.losses.cross_entropy import cross_entropy
from platform.losses.long_tail.focal import focal


@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_equals_its_formula_sample_by_sample(gamma, label_smoothing):
    logits_BC = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    labels = [0, 2, 1, 1]
    expected = []
    for row, label in zip(logits_BC, labels, strict=True):
        p = row.softmax(0).tolist()
        shares = [(1 - label_smoothing) * (c == label) + label_smoothing / 3 for c in range(3)]
        expected.append(sum(shares[c] * (1 - p[c]) ** gamma * -math.log(p[c]) for c in range(3)))
    actual_B = focal(logits_BC, torch.tensor(labels), gamma=gamma, label_smoothing=label_smoothing)
    torch.testing.assert_close(actual_B, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("case", [f"focal_{number}" for number in range(4)])
def test_value_and_gradient_equal_the_published_code(case, equals_published):
    def loss(golden):
        return focal(golden["logits"], golden["labels"], gamma=float(golden["gamma"])).mean()

    equals_published(case, loss, trained="logits")


def test_soft_labels_that_are_sure_equal_hard_ones():
    logits_BC = torch.randn(4, 3, generator=torch.Generator().manual_seed(2))
    labels_B = torch.tensor([0, 2, 1, 1])
    sure_BC = torch.nn.functional.one_hot(labels_B, 3).float()
    for smoothing in (0.0, 0.1):
        torch.testing.assert_close(
            focal(logits_BC, sure_BC, gamma=1.5, label_smoothing=smoothing),
            focal(logits_BC, labels_B, gamma=1.5, label_smoothing=smoothing),
        )


def test_without_gamma_it_is_cross_entropy():
    logits_BC = torch.randn(4, 3, generator=torch.Generator().manual_seed(3))
    labels_B = torch.tensor([0, 2, 1, 1])
    torch.testing.assert_close(focal(logits_BC, labels_B, gamma=0.0), cross_entropy(logits_BC, labels_B))


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0])
def test_the_gradient_of_a_label_that_is_sure_is_finite(gamma):
    """(1 - p)^gamma has an infinite slope at p = 1 for gamma < 1."""
    logits_BC = torch.tensor([[200.0, 0.0], [-200.0, 0.0]], requires_grad=True)
    focal(logits_BC, torch.tensor([0, 0]), gamma=gamma).sum().backward()
    assert logits_BC.grad.isfinite().all()
    assert logits_BC.grad[1, 0] == -1
