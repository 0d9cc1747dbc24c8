import math

import pytest
import torch

from platform.losses.class_thresholds import (
    believed,
    confidence_weights,
    next_confidences,
    next_threshold,
)
from platform.losses.negative_entropy import negative_entropy


@pytest.mark.parametrize("case", ["sed_selection_0", "sed_selection_3", "sed_selection_5"])
def test_selection_equals_the_published_code(case, golden_losses):
    golden = golden_losses(case)
    assert golden["quantile"], "the variant with a mean in place of the quantile is not built"
    probabilities_SNC, labels_N = golden["probabilities"], golden["labels"]
    classes, momentum = probabilities_SNC.shape[2], float(golden["momentum"])
    threshold = torch.tensor(1 / classes, dtype=torch.float64)
    means_C = torch.full((classes,), 1 / classes, dtype=torch.float64)
    for step, probabilities_NC in enumerate(probabilities_SNC):
        own_N = probabilities_NC.gather(1, labels_N[:, None]).squeeze(1)
        threshold = next_threshold(threshold, own_N, momentum=momentum)
        means_C = momentum * means_C + (1 - momentum) * probabilities_NC.mean(0)
        torch.testing.assert_close(threshold, golden["global_threshold"][step])
        torch.testing.assert_close(means_C, golden["class_means"][step])
        assert torch.equal(believed(own_N, labels_N, threshold, means_C), golden["clean"][step])


@pytest.mark.parametrize("case", ["sed_weight_0", "sed_weight_1"])
def test_weights_equal_the_published_code(case, golden_losses):
    golden = golden_losses(case)
    classes, momentum = golden["probabilities"].shape[2], float(golden["momentum"])
    means_C = torch.full((classes,), 1 / classes, dtype=torch.float64)
    variances_C = torch.ones(classes, dtype=torch.float64)
    for step, probabilities_NC in enumerate(golden["probabilities"]):
        confidence_N, predicted_N = probabilities_NC.max(1)
        means_C, variances_C = next_confidences(
            confidence_N, predicted_N, means_C, variances_C, momentum=momentum
        )
        torch.testing.assert_close(means_C, golden["means"][step])
        torch.testing.assert_close(variances_C, golden["variances"][step])
        weights_N = confidence_weights(confidence_N, predicted_N, means_C, variances_C)
        torch.testing.assert_close(weights_N, golden["weight"][step])


def test_one_image_is_enough():
    one = torch.tensor([0.4])
    torch.testing.assert_close(next_threshold(torch.tensor(0.0), one, momentum=0.5), torch.tensor(0.2))
    means_C, variances_C = next_confidences(
        one, torch.tensor([1]), torch.zeros(2), torch.zeros(2), momentum=0.0
    )
    assert (means_C.tolist(), variances_C.tolist()) == ([0, 0], [1, 1])
    assert confidence_weights(one, torch.tensor([0]), torch.ones(2), torch.zeros(2)).tolist() == [0.0]


def test_the_negative_entropy_equals_its_formula():
    logits_BC = torch.tensor([[2.0, -3, -5], [0, 0, 0]], requires_grad=True)
    losses_B = negative_entropy(logits_BC)
    own = logits_BC[0].detach().softmax(0).tolist()
    assert losses_B.tolist() == pytest.approx([sum(p * math.log(p) for p in own), -math.log(3)])
    assert losses_B[0].item() == pytest.approx(-0.0465, abs=1e-3), "with clamped logits it is -0.666"


def test_the_negative_entropy_equals_the_published_code(equals_published):
    equals_published(
        "negative_entropy_0", lambda golden: negative_entropy(golden["logits"]).mean(), trained="logits"
    )


def test_the_negative_entropy_of_a_sure_network_is_0_with_a_finite_gradient():
    logits_BC = torch.tensor([[300.0, 0.0]], requires_grad=True)
    loss = negative_entropy(logits_BC).sum()
    loss.backward()
    assert loss.item() == 0
    assert logits_BC.grad.isfinite().all()
