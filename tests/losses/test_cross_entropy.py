import math

import pytest
import torch

from platform.losses.cross_entropy import cross_entropy


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 0.9])
def test_equals_its_formula_sample_by_sample(label_smoothing):
    rng = torch.Generator().manual_seed(0)
    logits_BC = torch.randn(5, 4, generator=rng, dtype=torch.float64)
    labels_B = torch.tensor([0, 3, 1, 1, 2])
    expected = []
    for row, label in zip(logits_BC.tolist(), labels_B.tolist(), strict=True):
        log_sum = math.log(sum(math.exp(value) for value in row))
        surprises = [log_sum - value for value in row]
        spread = sum(surprises) / len(surprises)
        expected.append((1 - label_smoothing) * surprises[label] + label_smoothing * spread)
    actual_B = cross_entropy(logits_BC, labels_B, label_smoothing=label_smoothing)
    torch.testing.assert_close(actual_B, torch.tensor(expected, dtype=torch.float64))


def test_one_sample_with_huge_logits_is_finite():
    logits_BC = torch.tensor([[1e4, -1e4]], requires_grad=True)
    loss_B = cross_entropy(logits_BC, torch.tensor([1]))
    loss_B.sum().backward()
    assert loss_B.tolist() == [2e4]
    assert logits_BC.grad.tolist() == [[1.0, -1.0]]


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1, 0.9])
def test_soft_labels_equal_the_formula_sample_by_sample(label_smoothing):
    rng = torch.Generator().manual_seed(1)
    logits_BC = torch.randn(5, 4, generator=rng, dtype=torch.float64)
    targets_BC = torch.rand(5, 4, generator=rng, dtype=torch.float64)
    targets_BC[:, 2] = 0
    targets_BC /= targets_BC.sum(1, keepdim=True)
    expected = []
    for row, target in zip(logits_BC.tolist(), targets_BC.tolist(), strict=True):
        log_sum = math.log(sum(math.exp(value) for value in row))
        surprises = [log_sum - value for value in row]
        learned = sum(share * surprise for share, surprise in zip(target, surprises, strict=True))
        spread = sum(surprises) / len(surprises)
        expected.append((1 - label_smoothing) * learned + label_smoothing * spread)
    actual_B = cross_entropy(logits_BC, targets_BC, label_smoothing=label_smoothing)
    torch.testing.assert_close(actual_B, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
def test_soft_labels_that_are_sure_equal_hard_ones(label_smoothing):
    logits_BC = torch.randn(6, 3, generator=torch.Generator().manual_seed(2))
    labels_B = torch.tensor([0, 1, 2, 0, 1, 2])
    sure_BC = torch.nn.functional.one_hot(labels_B, 3).float()
    hard_B = cross_entropy(logits_BC, labels_B, label_smoothing=label_smoothing)
    torch.testing.assert_close(cross_entropy(logits_BC, sure_BC, label_smoothing=label_smoothing), hard_B)


@pytest.mark.parametrize("case", ["mixup_smoothed_0", "mixup_smoothed_1"])
def test_mixed_and_smoothed_labels_equal_the_published_code(case, golden_losses):
    """lam · CE(y_1) + (1 - lam) · CE(y_2), each smoothed, is cross-entropy with the mixed soft labels."""
    golden = golden_losses(case)
    labels_B, other_B = golden["labels"], golden["labels"][golden["index"]]
    classes, lam = golden["logits"].shape[1], float(golden["lam"])
    one_hot = torch.nn.functional.one_hot
    mixed_BC = lam * one_hot(labels_B, classes) + (1 - lam) * one_hot(other_B, classes)
    logits_BC = golden["logits"].requires_grad_()
    loss = cross_entropy(logits_BC, mixed_BC, label_smoothing=float(golden["smoothing"])).mean()
    loss.backward()
    torch.testing.assert_close(loss, golden["loss"])
    torch.testing.assert_close(logits_BC.grad, golden["grad"])
