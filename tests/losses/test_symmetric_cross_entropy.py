import math

import pytest
import torch

from platform.losses.cross_entropy import cross_entropy
from platform.losses.symmetric_cross_entropy import reverse_cross_entropy, symmetric_cross_entropy

LABELS = torch.tensor([0, 2, 1, 1])


def logits_of(seed=0):
    return torch.randn(4, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("log_zero", [-4.0, math.log(1e-4)])
def test_equals_its_formula_sample_by_sample(log_zero):
    logits_BC = logits_of()
    expected = []
    for row, label in zip(logits_BC, LABELS.tolist(), strict=True):
        p = row.softmax(0).tolist()
        reverse = sum(-p[c] * (0.0 if c == label else log_zero) for c in range(3))
        expected.append(0.5 * -math.log(p[label]) + 2 * reverse)
    actual_B = symmetric_cross_entropy(logits_BC, LABELS, alpha=0.5, beta=2, log_zero=log_zero)
    torch.testing.assert_close(actual_B, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("case", ["sce_0", "sce_1"])
def test_value_and_gradient_equal_the_published_code(case, equals_published):
    def loss(golden):
        weights = {"alpha": float(golden["alpha"]), "beta": float(golden["beta"])}
        return symmetric_cross_entropy(golden["logits"], golden["labels"], **weights).mean()

    equals_published(case, loss, trained="logits")


def test_the_reverse_term_is_the_mean_absolute_error_scaled():
    logits_BC = logits_of(1)
    own_B = logits_BC.softmax(1).gather(1, LABELS[:, None]).squeeze(1)
    torch.testing.assert_close(reverse_cross_entropy(logits_BC, LABELS, log_zero=-4.0), 4 * (1 - own_B))


def test_soft_labels_that_are_sure_equal_hard_ones():
    logits_BC = logits_of(2)
    sure_BC = torch.nn.functional.one_hot(LABELS, 3).double()
    torch.testing.assert_close(
        symmetric_cross_entropy(logits_BC, sure_BC, alpha=1, beta=1, label_smoothing=0.1),
        symmetric_cross_entropy(logits_BC, LABELS, alpha=1, beta=1, label_smoothing=0.1),
    )


def test_without_the_reverse_term_it_is_cross_entropy():
    logits_BC = logits_of(3)
    torch.testing.assert_close(
        symmetric_cross_entropy(logits_BC, LABELS, alpha=1, beta=0), cross_entropy(logits_BC, LABELS)
    )


def test_its_gradient_is_that_of_finite_differences():
    logits_BC = logits_of(4).requires_grad_()
    targets_BC = torch.tensor([[0.7, 0.3, 0], [0, 0.5, 0.5], [0.2, 0.2, 0.6], [1, 0, 0]], dtype=torch.float64)
    assert torch.autograd.gradcheck(
        lambda z: symmetric_cross_entropy(z, targets_BC, alpha=0.3, beta=1.5), logits_BC
    )
