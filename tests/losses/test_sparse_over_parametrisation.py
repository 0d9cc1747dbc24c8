import math

import pytest
import torch

from platform.losses.cross_entropy import cross_entropy
from platform.losses.sparse_over_parametrisation import balance, over_parametrised

LABELS = torch.tensor([0, 2, 1, 1])


def normal(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_equals_its_formula_sample_by_sample():
    logits_BC, u_B1, v_BC = normal(4, 3, seed=0), normal(4, 1, seed=1), normal(4, 3, seed=2) / 2
    expected = []
    for row, y, u, v in zip(logits_BC, LABELS.tolist(), u_B1[:, 0].tolist(), v_BC.tolist(), strict=True):
        error = [min(u * u, 1) if c == y else -min(v[c] * v[c], 1) for c in range(3)]
        corrected = [max(p + e, 1e-4) for p, e in zip(row.softmax(0).tolist(), error, strict=True)]
        fitted = -math.log(max(corrected[y] / sum(corrected), 1e-4))
        predicted = row.argmax().item()
        explained = sum(((c == predicted) + error[c] - (c == y)) ** 2 for c in range(3))
        expected.append(fitted + explained)
    actual_B = over_parametrised(logits_BC, LABELS, u_B1, v_BC)
    torch.testing.assert_close(actual_B, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("case", ["sop_0", "sop_2", "sop_4"])
def test_values_gradients_and_the_next_u_and_v_equal_the_published_code(case, golden_losses):
    golden = golden_losses(case)
    assert not golden["consistency_weight"]
    logits_BC, rows_B = golden["logits"].requires_grad_(), golden["index"]
    u_N1, v_NC = golden["u"].requires_grad_(), golden["v"].requires_grad_()
    loss = over_parametrised(logits_BC, golden["labels"], u_N1[rows_B], v_NC[rows_B]).mean()
    classes = logits_BC.shape[1]
    uniform_C = torch.full((classes,), 1 / classes, dtype=torch.float64)
    loss = loss + golden["balance_weight"] * (
        balance(logits_BC, golden["labels"], u_N1[rows_B], v_NC[rows_B], uniform_C) + math.log(classes)
    )
    loss.backward()
    torch.testing.assert_close(loss.detach(), golden["loss"])
    for value, name in ((logits_BC, "grad"), (u_N1, "grad_u"), (v_NC, "grad_v")):
        torch.testing.assert_close(value.grad, golden[name])
    torch.testing.assert_close((u_N1 - golden["lr_u"] * u_N1.grad).detach(), golden["next_u"])
    torch.testing.assert_close((v_NC - golden["lr_v"] * v_NC.grad).detach(), golden["next_v"])


def test_without_an_error_it_is_cross_entropy_and_a_constant():
    logits_BC = normal(4, 3, seed=3)
    losses_B = over_parametrised(logits_BC, LABELS, torch.zeros(4, 1).double(), torch.zeros(4, 3).double())
    is_wrong_B = logits_BC.argmax(1) != LABELS
    torch.testing.assert_close(losses_B, cross_entropy(logits_BC, LABELS) + 2.0 * is_wrong_B)


def test_a_label_that_is_explained_as_an_error_is_not_learnt():
    """The prediction is class 1; the label 0 is all error: u is 1, and v takes class 1 away."""
    logits_BC = torch.tensor([[0.0, 6.0]], requires_grad=True)
    plain_BC = logits_BC.detach().clone().requires_grad_()
    labels_B = torch.tensor([0])
    over_parametrised(logits_BC, labels_B, torch.ones(1, 1), torch.tensor([[0.0, 1.0]])).sum().backward()
    cross_entropy(plain_BC, labels_B).sum().backward()
    assert logits_BC.grad.abs().max() < 0.01 * plain_BC.grad.abs().max()


def test_tiny_u_and_v_move():
    u_B1 = torch.full((1, 1), 1e-8, requires_grad=True)
    v_BC = torch.full((1, 2), 1e-8, requires_grad=True)
    over_parametrised(torch.tensor([[0.0, 6.0]]), torch.tensor([0]), u_B1, v_BC).sum().backward()
    assert u_B1.grad.item() < 0, "u grows where the label is improbable"
    assert v_BC.grad[0, 1].item() < 0
    assert v_BC.grad[0, 0].item() == 0
