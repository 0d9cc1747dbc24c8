"""LDAM and additive margin softmax: losses of scaled cosines."""

import pytest
import torch
import torch.nn.functional as F

from platform.losses.cross_entropy import cross_entropy
from platform.losses.long_tail.am_softmax import am_softmax
from platform.losses.long_tail.class_weights import weighted_targets
from platform.losses.long_tail.ldam import ldam, ldam_margins


@pytest.mark.parametrize("case", [f"ldam_{number}" for number in range(3)])
def test_ldam_s_value_and_gradient_equal_the_published_code(case, golden_losses):
    """With the deferred weights of the case's epoch, which are 1 before epoch 160; ours are float32."""
    golden = golden_losses(case)
    cosines_BC, labels_B, scale = golden["cosines"].requires_grad_(), golden["labels"], float(golden["scale"])
    margins = {"max_margin": float(golden["max_margin"])}
    torch.testing.assert_close(ldam_margins(golden["class_counts"], **margins), golden["margins"].float())
    losses_B = ldam(scale * cosines_BC, labels_B, golden["class_counts"], scale=scale, **margins)
    weights_B, _ = weighted_targets(labels_B, golden["drw_weights"])
    loss = (weights_B * losses_B).sum() / weights_B.sum()
    loss.backward()
    torch.testing.assert_close(loss, golden["loss"], rtol=1e-6, atol=0)
    torch.testing.assert_close(cosines_BC.grad, golden["grad"], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("case", ["am_softmax_0", "am_softmax_1"])
def test_am_softmax_and_its_gradients_equal_the_published_code(case, golden_losses):
    golden = golden_losses(case)
    features_BD, weight_CD = golden["features"].requires_grad_(), golden["weight"].requires_grad_()
    scale, margin = float(golden["scale"]), float(golden["margin"])
    cosines_BC = F.linear(F.normalize(features_BD, dim=1), F.normalize(weight_CD, dim=1))
    loss = am_softmax(scale * cosines_BC, golden["labels"], margin=margin, scale=scale).mean()
    loss.backward()
    torch.testing.assert_close(loss, golden["loss"])
    torch.testing.assert_close(features_BD.grad, golden["grad"])
    torch.testing.assert_close(weight_CD.grad, golden["grad_weight"])


def test_a_rarer_class_has_a_larger_margin_and_an_absent_one_the_largest():
    margins_C = ldam_margins(torch.tensor([10_000, 16, 1, 0]), max_margin=0.5)
    torch.testing.assert_close(margins_C, torch.tensor([0.05, 0.25, 0.5, 0.5]))
    torch.testing.assert_close(ldam_margins(torch.tensor([16, 0]), max_margin=0.3), torch.tensor([0.3, 0.3]))


def test_without_a_margin_they_are_cross_entropy():
    logits_BC = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    labels_B, counts_C = torch.tensor([0, 2, 1, 1]), torch.tensor([5, 2, 1])
    for smoothing in (0.0, 0.1):
        options = {"scale": 30.0, "label_smoothing": smoothing}
        expected_B = cross_entropy(logits_BC, labels_B, label_smoothing=smoothing)
        torch.testing.assert_close(am_softmax(logits_BC, labels_B, margin=0.0, **options), expected_B)
        torch.testing.assert_close(ldam(logits_BC, labels_B, counts_C, max_margin=0.0, **options), expected_B)
