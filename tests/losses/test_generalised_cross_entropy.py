import pytest
import torch

from platform.losses.cross_entropy import cross_entropy
from platform.losses.generalised_cross_entropy import generalised_cross_entropy

LABELS = torch.tensor([0, 2, 1, 1])


def logits_of(seed=0):
    return torch.randn(4, 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("q", [0.1, 0.7, 1.0])
@pytest.mark.parametrize("k", [0.0, 0.3, 0.5])
def test_equals_its_formula_sample_by_sample(q, k):
    logits_BC = logits_of()
    own = [row.softmax(0)[label].item() for row, label in zip(logits_BC, LABELS, strict=True)]
    expected = [(1 - (p if p > k else k) ** q) / q for p in own]
    actual_B = generalised_cross_entropy(logits_BC, LABELS, q=q, truncate_below=k)
    torch.testing.assert_close(actual_B, torch.tensor(expected, dtype=torch.float64))


@pytest.mark.parametrize("case", ["gce_0", "gce_1"])
def test_value_and_gradient_equal_the_published_code(case, equals_published):
    def loss(golden):
        return generalised_cross_entropy(golden["logits"], golden["labels"], q=float(golden["q"])).mean()

    equals_published(case, loss, trained="logits")


@pytest.mark.parametrize("case", ["gce_truncated_0", "gce_truncated_1"])
def test_the_truncated_loss_equals_the_published_code(case, golden_losses, equals_published):
    """Theirs lacks the constant (1 - k^q) / q and multiplies by weights of an earlier pass."""

    def loss(golden):
        q, k = float(golden["q"]), float(golden["k"])
        weight_B = golden["weight"][golden["index"]].squeeze()
        losses_B = generalised_cross_entropy(golden["logits"], golden["labels"], q=q)
        return (weight_B * (losses_B - (1 - k**q) / q)).mean()

    equals_published(case, loss, trained="logits")
    golden = golden_losses(case)
    q, k = float(golden["q"]), float(golden["k"])
    constant = torch.full((), (1 - k**q) / q, dtype=torch.float64)
    truncated_B = (
        generalised_cross_entropy(golden["logits"], golden["labels"], q=q, truncate_below=k) == constant
    )
    assert (golden["next_weight"][golden["index"]].squeeze() == 0).tolist() == truncated_B.tolist()


def test_a_small_q_is_cross_entropy():
    logits_BC = logits_of(1)
    torch.testing.assert_close(
        generalised_cross_entropy(logits_BC, LABELS, q=1e-9),
        cross_entropy(logits_BC, LABELS),
        rtol=1e-6,
        atol=0,
    )


def test_an_underflowing_probability_has_a_finite_gradient():
    """p^q differentiated at p = 0 is not a number."""
    logits_BC = torch.tensor([[0.0, 200.0]], requires_grad=True)
    generalised_cross_entropy(logits_BC, torch.tensor([0]), q=0.7).sum().backward()
    assert logits_BC.grad.isfinite().all()


def test_a_truncated_sample_gets_no_gradient():
    logits_BC = torch.tensor([[0.0, 2.0], [2.0, 0.0]], requires_grad=True)
    generalised_cross_entropy(logits_BC, torch.tensor([0, 0]), q=0.7, truncate_below=0.5).sum().backward()
    assert logits_BC.grad.abs().sum(1).bool().tolist() == [False, True]


def test_its_gradient_is_that_of_finite_differences():
    logits_BC = logits_of(2).requires_grad_()
    assert torch.autograd.gradcheck(lambda z: generalised_cross_entropy(z, LABELS, q=0.7), logits_BC)


def test_a_q_of_zero_is_refused():
    with pytest.raises(ValueError, match="q must be in"):
        generalised_cross_entropy(logits_of(), LABELS, q=0.0)


@pytest.mark.parametrize("label_smoothing", [0.0, 0.2])
def test_soft_labels_and_smoothing_share_the_loss_among_classes(label_smoothing):
    logits_BC = torch.randn(3, 4, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    targets_BC = torch.tensor([[0.7, 0.3, 0, 0], [0, 0, 0, 1], [0.25] * 4], dtype=torch.float64)
    shares_BC = (1 - label_smoothing) * targets_BC + label_smoothing / 4
    classes = [torch.full((3,), c) for c in range(4)]
    expected_B = sum(
        shares_BC[:, c] * generalised_cross_entropy(logits_BC, labels_B, q=0.7)
        for c, labels_B in enumerate(classes)
    )
    actual_B = generalised_cross_entropy(logits_BC, targets_BC, q=0.7, label_smoothing=label_smoothing)
    torch.testing.assert_close(actual_B, expected_B)
    hard_B = generalised_cross_entropy(logits_BC, classes[1], q=0.7, label_smoothing=label_smoothing)
    sure_BC = torch.nn.functional.one_hot(classes[1], 4)
    sure_B = generalised_cross_entropy(logits_BC, sure_BC, q=0.7, label_smoothing=label_smoothing)
    torch.testing.assert_close(hard_B, sure_B)
