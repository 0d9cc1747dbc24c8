import math

import pytest
import torch

from platform.losses.balanced_softmax import balanced_softmax


def formula(logits, label, counts, label_smoothing):
    """The docstring's formula with plain floats; the own class of a sample counts at least once."""
    counts = [max(count, 1) if c == label else count for c, count in enumerate(counts)]
    denominator = sum(count * math.exp(z) for z, count in zip(logits, counts, strict=True))
    surprises = {
        c: -math.log(count * math.exp(logits[c]) / denominator) for c, count in enumerate(counts) if count
    }
    spread = sum(surprises.values()) / len(surprises)
    return (1 - label_smoothing) * surprises[label] + label_smoothing * spread


@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
@pytest.mark.parametrize("counts", [[5, 5, 5, 5], [100, 10, 3, 1], [100, 0, 3, 0]])
def test_equals_its_formula_sample_by_sample(label_smoothing, counts):
    rng = torch.Generator().manual_seed(0)
    logits_BC = torch.randn(5, 4, generator=rng, dtype=torch.float64)
    labels_B = torch.tensor([0, 2, 2, 0, 3])
    expected = [
        formula(row, label, counts, label_smoothing)
        for row, label in zip(logits_BC.tolist(), labels_B.tolist(), strict=True)
    ]
    actual_B = balanced_softmax(logits_BC, labels_B, torch.tensor(counts), label_smoothing=label_smoothing)
    torch.testing.assert_close(actual_B, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("case", ["balanced_softmax_0", "balanced_softmax_1"])
def test_value_and_gradient_equal_the_published_code(case, equals_published):
    def loss(golden):
        return balanced_softmax(golden["logits"], golden["labels"], golden["class_counts"]).mean()

    equals_published(case, loss, trained="logits")


@pytest.mark.parametrize("case", ["logit_adjustment_0", "logit_adjustment_1"])
def test_with_tau_it_is_the_published_logit_adjusted_loss(case, golden_losses):
    """The published 1e-12 inside the logarithm and the constant shift make no difference here."""
    golden = golden_losses(case)
    logits_BC = golden["logits"].requires_grad_()
    options = {"tau": float(golden["tau"])}
    loss = balanced_softmax(logits_BC, golden["labels"], golden["class_counts"], **options).mean()
    loss.backward()
    torch.testing.assert_close(loss, golden["loss"])
    torch.testing.assert_close(logits_BC.grad, golden["grad"])


def test_equal_counts_give_cross_entropy():
    logits_BC = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))
    labels_B = torch.tensor([0, 1, 2, 0, 1, 2])
    expected_B = torch.nn.functional.cross_entropy(logits_BC, labels_B, reduction="none")
    torch.testing.assert_close(balanced_softmax(logits_BC, labels_B, torch.tensor([7, 7, 7])), expected_B)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_a_class_without_samples_vanishes(label_smoothing):
    logits_BC = torch.randn(4, 3, generator=torch.Generator().manual_seed(2), requires_grad=True)
    labels_B = torch.tensor([0, 1, 1, 0])
    loss_B = balanced_softmax(logits_BC, labels_B, torch.tensor([9, 4, 0]), label_smoothing=label_smoothing)
    loss_B.sum().backward()
    without_B = balanced_softmax(
        logits_BC[:, :2], labels_B, torch.tensor([9, 4]), label_smoothing=label_smoothing
    )
    torch.testing.assert_close(loss_B, without_B)
    assert logits_BC.grad[:, 2].tolist() == [0, 0, 0, 0]
    assert logits_BC.grad.isfinite().all()


def test_a_sample_of_a_class_without_samples_counts_itself():
    logits_BC = torch.tensor([[0.5, -1.0, 2.0]], requires_grad=True)
    labels_B = torch.tensor([2])
    loss_B = balanced_softmax(logits_BC, labels_B, torch.tensor([9, 4, 0]))
    loss_B.sum().backward()
    torch.testing.assert_close(loss_B, balanced_softmax(logits_BC, labels_B, torch.tensor([9, 4, 1])))
    assert logits_BC.grad.isfinite().all()
    assert logits_BC.grad[0, 2] < 0


def test_its_gradient_is_that_of_finite_differences():
    logits_BC = torch.randn(3, 4, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    labels_B, counts_C = torch.tensor([0, 3, 1]), torch.tensor([20, 5, 0, 1])
    assert torch.autograd.gradcheck(
        lambda z: balanced_softmax(z, labels_B, counts_C, label_smoothing=0.1), logits_BC.requires_grad_()
    )


def soft_formula(logits, target, counts, label_smoothing):
    """The docstring's formula with plain floats; a class with soft mass counts at least once."""
    counts = [max(count, 1) if share else count for share, count in zip(target, counts, strict=True)]
    denominator = sum(count * math.exp(z) for z, count in zip(logits, counts, strict=True))
    surprises = {
        c: -math.log(count * math.exp(logits[c]) / denominator) for c, count in enumerate(counts) if count
    }
    learned = sum(share * surprises[c] for c, share in enumerate(target) if share)
    return (1 - label_smoothing) * learned + label_smoothing * sum(surprises.values()) / len(surprises)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
@pytest.mark.parametrize("counts", [[5, 5, 5, 5], [100, 10, 3, 1], [100, 0, 3, 0]])
def test_soft_labels_equal_the_formula_sample_by_sample(label_smoothing, counts):
    logits_BC = torch.randn(4, 4, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    targets_BC = torch.tensor(
        [[0.7, 0.3, 0, 0], [0, 0.5, 0.5, 0], [0, 0.25, 0, 0.75], [1, 0, 0, 0]], dtype=torch.float64
    )
    expected = [
        soft_formula(row, target, counts, label_smoothing)
        for row, target in zip(logits_BC.tolist(), targets_BC.tolist(), strict=True)
    ]
    actual_B = balanced_softmax(logits_BC, targets_BC, torch.tensor(counts), label_smoothing=label_smoothing)
    torch.testing.assert_close(actual_B, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
@pytest.mark.parametrize("counts", [[9, 4, 2], [9, 4, 0]])
def test_soft_labels_that_are_sure_equal_hard_ones(counts, label_smoothing):
    """Value and gradient, of a class without training images too."""
    labels_B = torch.tensor([0, 1, 2, 0])
    sure_BC = torch.nn.functional.one_hot(labels_B, 3).float()
    found = []
    for targets in (labels_B, sure_BC):
        logits_BC = torch.randn(4, 3, generator=torch.Generator().manual_seed(5), requires_grad=True)
        loss_B = balanced_softmax(logits_BC, targets, torch.tensor(counts), label_smoothing=label_smoothing)
        loss_B.sum().backward()
        found.append((loss_B.detach(), logits_BC.grad))
    torch.testing.assert_close(found[0], found[1])


def test_the_gradient_of_soft_labels_is_that_of_finite_differences():
    logits_BC = torch.randn(2, 4, generator=torch.Generator().manual_seed(6), dtype=torch.float64)
    targets_BC = torch.tensor([[0.6, 0.4, 0, 0], [0, 0, 0.1, 0.9]], dtype=torch.float64)
    counts_C = torch.tensor([20, 5, 0, 1])
    assert torch.autograd.gradcheck(
        lambda z: balanced_softmax(z, targets_BC, counts_C, label_smoothing=0.1), logits_BC.requires_grad_()
    )
