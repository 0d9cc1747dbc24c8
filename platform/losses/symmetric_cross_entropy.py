"""Symmetric cross-entropy: cross-entropy plus cross-entropy the other way round.

Shapes: B samples, C classes.
"""

import math

from torch import Tensor

from platform.losses.cross_entropy import at_least_float32, cross_entropy

LEAST_PROBABILITY = 1e-7
"""Probabilities below count as this much in the reverse term, and get no gradient from it."""


def reverse_cross_entropy(logits_BC: Tensor, targets: Tensor, *, log_zero: float = math.log(1e-4)) -> Tensor:
    """Per-sample loss [B]: -Σ_c p_c · log t_c, with log 0 := ``log_zero``, A.

    ``targets`` are labels [B] (int64; t is then 1 at the label, else 0) or soft labels t [B, C]; log t_c is
    at least A. With a label it is -A · (1 - p_y): half the mean absolute error, scaled by -A.

    Wang et al., Symmetric Cross Entropy for Robust Learning with Noisy Labels, ICCV 2019 (arXiv 1908.06112),
    equation 6. A is ln 1e-4 = -9.21 in the reproduction's code, and -4 to -6 in the paper's experiments.
    """
    probabilities_BC = at_least_float32(logits_BC).softmax(1).clamp(min=LEAST_PROBABILITY)
    if targets.dim() == 1:
        others_B = probabilities_BC.sum(1) - probabilities_BC.gather(1, targets[:, None]).squeeze(1)
        return -log_zero * others_B
    return -(probabilities_BC * targets.clamp(min=math.exp(log_zero)).log()).sum(1)


def symmetric_cross_entropy(
    logits_BC: Tensor,
    targets: Tensor,
    *,
    alpha: float,
    beta: float,
    log_zero: float = math.log(1e-4),
    label_smoothing: float = 0.0,
) -> Tensor:
    """Per-sample loss [B]: alpha · cross-entropy + beta · :func:`reverse_cross_entropy`.

    Equation 8 of Wang et al., ICCV 2019. ``label_smoothing`` is of the first term only, and not in the paper.
    """
    forward_B = cross_entropy(logits_BC, targets, label_smoothing=label_smoothing)
    return alpha * forward_B + beta * reverse_cross_entropy(logits_BC, targets, log_zero=log_zero)
