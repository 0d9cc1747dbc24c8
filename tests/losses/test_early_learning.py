import math

import pytest
import torch

from platform.losses.cross_entropy import cross_entropy
from platform.losses.early_learning import early_learning, running_targets


def logits_of(seed):
    return torch.randn(4, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_equals_its_formula_sample_by_sample():
    logits_BC, targets_BC = logits_of(0), logits_of(1).softmax(1)
    expected = [
        math.log(1 - sum(t * p for t, p in zip(own, row.softmax(0).tolist(), strict=True)))
        for own, row in zip(targets_BC.tolist(), logits_BC, strict=True)
    ]
    torch.testing.assert_close(
        early_learning(logits_BC, targets_BC), torch.tensor(expected, dtype=torch.float64)
    )


@pytest.mark.parametrize("case", ["elr_0", "elr_1"])
def test_values_gradients_and_targets_of_all_steps_equal_the_published_code(case, golden_losses):
    golden = golden_losses(case)
    beta, weight = float(golden["beta"]), float(golden["weight"])
    table_NC = torch.zeros(int(golden["samples"]), golden["logits"].shape[2], dtype=torch.float64)
    for step, rows_B in enumerate(golden["index"]):
        logits_BC, labels_B = golden["logits"][step].requires_grad_(), golden["labels"][step]
        targets_BC = running_targets(table_NC[rows_B], logits_BC, beta=beta)
        table_NC[rows_B] = targets_BC
        losses_B = cross_entropy(logits_BC, labels_B) + weight * early_learning(logits_BC, targets_BC)
        (gradient_BC,) = torch.autograd.grad(losses_B.mean(), logits_BC)
        torch.testing.assert_close(losses_B.mean().detach(), golden["loss"][step])
        torch.testing.assert_close(gradient_BC, golden["grad"][step])
        torch.testing.assert_close(table_NC, golden["targets"][step])


def test_it_is_finite_where_target_and_prediction_are_sure():
    logits_BC = torch.tensor([[200.0, 0.0]], requires_grad=True)
    targets_BC = torch.tensor([[1.0, 0.0]])
    loss = early_learning(logits_BC, targets_BC).sum()
    loss.backward()
    assert loss.item() == pytest.approx(math.log(1e-4), rel=1e-3)
    assert logits_BC.grad.isfinite().all()


def test_targets_weigh_less_at_first():
    targets_BC, logits_BC = torch.zeros(1, 3), logits_of(2)[:1].float()
    for updates in (1, 2, 3):
        targets_BC = running_targets(targets_BC, logits_BC, beta=0.7)
        torch.testing.assert_close(targets_BC.sum(1), torch.tensor([1 - 0.7**updates]))
