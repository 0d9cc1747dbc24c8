import math

import pytest
import torch

from platform.losses.joint_agreement import joint_losses, symmetric_divergence


def logits_of(seed):
    return torch.randn(4, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_divergence_equals_its_formula_sample_by_sample():
    first_BC, second_BC = logits_of(0), logits_of(1)
    expected = []
    for one, other in zip(first_BC.softmax(1).tolist(), second_BC.softmax(1).tolist(), strict=True):
        expected.append(sum((p - q) * (math.log(p) - math.log(q)) for p, q in zip(one, other, strict=True)))
    actual_B = symmetric_divergence(first_BC, second_BC)
    torch.testing.assert_close(actual_B, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("case", ["jocor_0", "jocor_1", "jocor_2"])
def test_the_sum_of_the_parts_is_the_published_loss_of_each_sample(case, golden_losses):
    golden = golden_losses(case)
    parts = joint_losses(
        golden["logits_1"], golden["logits_2"], golden["labels"], co_lambda=float(golden["co_lambda"])
    )
    torch.testing.assert_close(parts[0] + parts[1], golden["per_sample"])


def test_the_gradient_goes_through_both_sides():
    labels_B = torch.tensor([0, 1, 2, 0])
    assert torch.autograd.gradcheck(
        lambda one, other: torch.stack(joint_losses(one, other, labels_B, co_lambda=0.9)).sum(0),
        (logits_of(2).requires_grad_(), logits_of(3).requires_grad_()),
    )
