"""SED's thresholds: which labels are believed, and how much a relabelled image counts.

Shapes: B samples of a batch, N training images, C classes.
"""

import torch
from torch import Tensor

HIGHEST_THRESHOLD = 0.95
QUANTILE = 0.8
DEVIATIONS = 2.0
"""Standard deviations below a class's mean confidence at which the weight is exp(-1/2)."""


def next_threshold(threshold: Tensor, own_N: Tensor, *, momentum: float) -> Tensor:
    """The next global threshold []: m · g + (1 - m) · the 0.8-quantile of p_y, in [0, 0.95].

    ``own_N``: the probability p_y of each image's given label. Sheng et al., Foster Adaptivity and Balance in
    Learning with Noisy Labels, ECCV 2024 (arXiv 2407.02778).
    """
    highest = own_N.sort().values
    place = QUANTILE * (len(own_N) - 1)  # torch.quantile refuses more than 16 million values
    below = int(place)
    above = min(below + 1, len(own_N) - 1)
    quantile = highest[below].lerp(highest[above], place - below)
    return (momentum * threshold + (1 - momentum) * quantile).clamp(0, HIGHEST_THRESHOLD)


def believed(own_N: Tensor, labels_N: Tensor, threshold: Tensor, means_C: Tensor) -> Tensor:
    """[N, bool]: p_y ≥ g · μ_y / max μ, where ``means_C`` are the running mean predictions μ."""
    return own_N >= threshold * (means_C / means_C.max())[labels_N]


def next_confidences(
    confidence_N: Tensor, predicted_N: Tensor, means_C: Tensor, variances_C: Tensor, *, momentum: float
) -> tuple[Tensor, Tensor]:
    """The next running mean and (unbiased) variance [C] of max p over the images predicted as each class.

    A class that is predicted for fewer than two images counts as of mean 0 and variance 1.
    """
    counts_C = torch.zeros_like(means_C).index_add(0, predicted_N, torch.ones_like(confidence_N))
    sums_C = torch.zeros_like(means_C).index_add(0, predicted_N, confidence_N)
    now_C = sums_C / counts_C.clamp(min=1)
    squares_N = (confidence_N - now_C[predicted_N]).square()
    spread_C = torch.zeros_like(means_C).index_add(0, predicted_N, squares_N) / (counts_C - 1).clamp(min=1)
    has_two_C = counts_C > 1
    now_C, spread_C = torch.where(has_two_C, now_C, 0), torch.where(has_two_C, spread_C, 1)
    return momentum * means_C + (1 - momentum) * now_C, momentum * variances_C + (1 - momentum) * spread_C


def confidence_weights(
    confidence_B: Tensor, predicted_B: Tensor, means_C: Tensor, variances_C: Tensor
) -> Tensor:
    """Per-sample weight [B]: exp(-min(max p - μ, 0)² / (2 σ² / 4)) with the predicted class's μ and σ²."""
    short_B = (confidence_B - means_C[predicted_B]).clamp(max=0)
    variances_B = variances_C[predicted_B].clamp(min=torch.finfo(means_C.dtype).tiny)
    return (-short_B.square() / (2 * variances_B / DEVIATIONS**2)).exp()
