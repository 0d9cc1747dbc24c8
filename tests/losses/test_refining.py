import math

import pytest
import torch

from platform.losses.co_refining import co_refining, prior_divergence
from platform.losses.cross_entropy import cross_entropy
from platform.losses.self_refining import refining_weight, self_refining


@pytest.mark.parametrize("case", ["self_refine_0", "self_refine_1"])
def test_self_refining_equals_the_published_code(case, equals_published):
    def loss(golden):
        return self_refining(golden["logits"], golden["labels"], weight=golden["weight"].item()).mean()

    equals_published(case, loss, trained="logits")


@pytest.mark.parametrize("case", ["co_refine_0", "co_refine_1"])
def test_co_refining_equals_the_published_code(case, equals_published):
    def loss(golden):
        kl_weight = golden["kl_weight"].item()
        return co_refining(golden["logits"], golden["peer_logits"], kl_weight=kl_weight).mean()

    equals_published(case, loss, trained="logits", constant="peer_logits")


def test_without_weight_it_is_cross_entropy():
    logits, labels = torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1])
    torch.testing.assert_close(self_refining(logits, labels, weight=0.0), cross_entropy(logits, labels))


def test_the_two_rules_add_up_to_one_and_go_opposite_ways():
    for loss in (0.0, 0.3, 5.0):
        assert refining_weight(loss, "1/(1+L)") + refining_weight(loss, "L/(1+L)") == pytest.approx(1)
    assert refining_weight(0.1, "1/(1+L)") > refining_weight(2.0, "1/(1+L)")
    with pytest.raises(ValueError, match="mean_loss must be >= 0, got -1"):
        refining_weight(-1, "1/(1+L)")
    with pytest.raises(ValueError, match=r"weight must be in \[0, 1\], got 2"):
        self_refining(torch.zeros(1, 2), torch.tensor([0]), weight=2)


def test_prior_divergence_is_zero_where_the_batch_is_predicted_as_classes_occur():
    prior = torch.tensor([0.5, 0.25, 0.25, 0.0])
    each = 50 * torch.eye(4)[[0, 0, 1, 2]]
    assert prior_divergence(each, prior).item() == pytest.approx(0, abs=1e-6)
    collapsed = (50 * torch.eye(4)[[0, 0, 0, 0]]).requires_grad_()
    loss = prior_divergence(collapsed, prior)
    assert loss.item() == pytest.approx(0.5 * math.log(0.5) + 0.5 * (math.log(0.25) + 50), rel=1e-4)
    loss.backward()
    assert collapsed.grad.isfinite().all() and collapsed.grad[:, 1].sum() < 0 < collapsed.grad[:, 0].sum()
