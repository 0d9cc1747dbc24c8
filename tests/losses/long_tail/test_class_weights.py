import pytest
import torch

from platform.losses.cross_entropy import cross_entropy
from platform.losses.long_tail.class_weights import (
    effective_number_weights,
    inverse_weights,
    weighted_targets,
)

COUNTS_C = torch.tensor([100, 10, 4, 1])


def weights_of(golden, kind):
    counts_C = golden["class_counts"]
    if kind == "inverse":
        return inverse_weights(counts_C)
    return effective_number_weights(counts_C, beta=float(golden["beta"]))


@pytest.mark.parametrize("case", ["class_weighted_ce_0", "class_weighted_ce_1"])
@pytest.mark.parametrize("kind", ["effective", "inverse"])
def test_weights_equal_the_published_ones(case, kind, golden_losses):
    golden = golden_losses(case)
    expected_C = golden[f"{kind}_weights"].float()
    torch.testing.assert_close(weights_of(golden, kind), expected_C)


@pytest.mark.parametrize("case", ["class_weighted_ce_0", "class_weighted_ce_1"])
@pytest.mark.parametrize(
    ("kind", "loss", "grad", "over_batch"),
    [
        ("effective", "loss", "grad", True),
        ("effective", "loss_batch_mean", "grad_batch_mean", False),
        ("inverse", "loss_inverse", "grad_inverse", True),
    ],
)
def test_both_means_equal_the_published_code(case, kind, loss, grad, over_batch, golden_losses):
    """PyTorch divides by the weights of the batch, Cui et al. by its size; our weights are float32."""
    golden = golden_losses(case)
    logits_BC, labels_B = golden["logits"].requires_grad_(), golden["labels"]
    weights_B, shares = weighted_targets(labels_B, weights_of(golden, kind))
    assert shares is labels_B
    losses_B = weights_B * cross_entropy(logits_BC, shares)
    actual = losses_B.sum() / (weights_B.sum() if over_batch else len(labels_B))
    actual.backward()
    torch.testing.assert_close(actual, golden[loss], rtol=1e-6, atol=0)
    torch.testing.assert_close(logits_BC.grad, golden[grad], rtol=1e-5, atol=1e-9)


def test_weights_are_on_average_1_over_the_classes_that_occur():
    for weights_C in (inverse_weights(COUNTS_C), effective_number_weights(COUNTS_C, beta=0.99)):
        torch.testing.assert_close(weights_C.mean(), torch.tensor(1.0))
    assert effective_number_weights(COUNTS_C, beta=0.0).tolist() == [1] * 4


def test_a_class_without_samples_changes_nothing_and_weighs_like_one_with_one():
    with_C = inverse_weights(torch.tensor([100, 10, 4, 1, 0]))
    torch.testing.assert_close(with_C[:4], inverse_weights(COUNTS_C))
    assert with_C[4] == with_C[3]


def test_the_limit_of_the_effective_number_is_the_inverse():
    nearly = effective_number_weights(COUNTS_C, beta=1 - 1e-9)
    torch.testing.assert_close(nearly, inverse_weights(COUNTS_C))


def test_each_part_of_a_mixed_label_has_its_class_s_weight():
    logits_BC = torch.randn(2, 4, generator=torch.Generator().manual_seed(0))
    targets_BC = torch.tensor([[0.7, 0, 0, 0.3], [0, 1, 0, 0]])
    weights_C = inverse_weights(COUNTS_C)
    weights_B, shares_BC = weighted_targets(targets_BC, weights_C)
    expected_B = (targets_BC * weights_C * -logits_BC.log_softmax(1)).sum(1)
    torch.testing.assert_close(weights_B * cross_entropy(logits_BC, shares_BC), expected_B)
