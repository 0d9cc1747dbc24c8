import numpy as np
import pytest
import torch

from platform.losses.co_refining import prior_divergence
from platform.losses.cross_entropy import cross_entropy
from platform.losses.divide_mix import (
    clean_probabilities,
    refined_targets,
    sharpen,
    squared_error,
    unlabelled_weight,
)
from platform.losses.peer_selection import mean_of_selected


@pytest.mark.parametrize("case", ["dividemix_gmm_0", "dividemix_gmm_1"])
def test_the_division_equals_the_published_code(case, golden_losses):
    golden = golden_losses(case)
    clean_N = clean_probabilities(golden["losses"].numpy())
    np.testing.assert_allclose(clean_N, golden["clean_probability"].numpy(), rtol=1e-6, atol=1e-9)
    assert (clean_N > 0.5).tolist() == golden["clean"].tolist()


@pytest.mark.parametrize("losses", [[], [1.0], [0.5, 0.5, 0.5]])
def test_losses_without_two_clusters_are_all_clean(losses):
    assert clean_probabilities(np.array(losses, dtype=np.float32)).tolist() == [1.0] * len(losses)


@pytest.mark.parametrize("case", ["dividemix_targets_0", "dividemix_targets_1"])
def test_targets_equal_the_published_code(case, golden_losses):
    golden = golden_losses(case)
    temperature = float(golden["temperature"])
    predicted_BC = (golden["logits_x"].softmax(1) + golden["logits_x2"].softmax(1)) / 2
    torch.testing.assert_close(
        refined_targets(golden["labels"], golden["clean_probability"], predicted_BC, temperature=temperature),
        golden["targets_x"],
    )
    four = torch.stack([golden[f"logits_u{name}"].softmax(1) for name in ("11", "12", "21", "22")])
    torch.testing.assert_close(sharpen(four.mean(0), temperature=temperature), golden["targets_u"])


@pytest.mark.parametrize("case", ["dividemix_loss_0", "dividemix_loss_1", "dividemix_loss_2"])
def test_the_loss_equals_the_published_code(case, equals_published):
    def loss(golden):
        logits_BC, targets_BC = golden["logits"], golden["targets"]
        weight = unlabelled_weight(
            float(golden["epoch"]),
            warmup_epochs=int(golden["warm_up"]),
            ramp_epochs=16,
            weight=float(golden["lambda_u"]),
        )
        labelled_B = torch.arange(len(logits_BC)) < golden["labelled"]
        uniform_C = torch.full((logits_BC.shape[1],), 1 / logits_BC.shape[1], dtype=torch.float64)
        return (
            mean_of_selected(cross_entropy(logits_BC, targets_BC), labelled_B)
            + weight * mean_of_selected(squared_error(logits_BC, targets_BC), ~labelled_B)
            + prior_divergence(logits_BC, uniform_C)
        )

    equals_published(case, loss, trained="logits")


def test_sharpening_is_finite_for_a_class_without_probability():
    sharp_BC = sharpen(torch.tensor([[1.0, 0.0], [0.6, 0.4]]), temperature=0.5)
    torch.testing.assert_close(sharp_BC, torch.tensor([[1.0, 0.0], [0.36 / 0.52, 0.16 / 0.52]]))


def test_without_a_ramp_the_weight_is_there_at_once():
    assert unlabelled_weight(3, warmup_epochs=3, ramp_epochs=0, weight=25.0) == 25.0
    assert unlabelled_weight(3, warmup_epochs=3, ramp_epochs=4, weight=25.0) == 0.0
    assert unlabelled_weight(5, warmup_epochs=3, ramp_epochs=4, weight=25.0) == 12.5
