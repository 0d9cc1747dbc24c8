"""Focal loss: cross-entropy that counts less where the network is sure of the label.

Shapes: B samples, C classes.
"""

import torch
from torch import Tensor

from platform.losses.cross_entropy import at_least_float32, smoothed

LEAST = 1e-12
"""1 - p counts as at least this: its power has an infinite gradient at 0 for gamma < 1."""


def focal(logits_BC: Tensor, targets: Tensor, *, gamma: float, label_smoothing: float = 0.0) -> Tensor:
    """Per-sample loss [B] in nats: Σ_c t_c · (1 - p_c)^γ · -log p_c; p = softmax(logits).

    ``targets`` are labels [B] (int64; t is then 1 at the label, else 0) or soft labels t [B, C] (float, each
    row adds up to 1). γ >= 0; 0 is cross-entropy. ``label_smoothing`` s replaces t_c by (1 - s) · t_c + s/C.

    Lin et al., Focal Loss for Dense Object Detection, ICCV 2017 (arXiv 1708.02002), equation 4, for a softmax
    and without class weights. In the form with class weights of Cao et al.'s code the weight is inside p;
    here it multiplies the loss (:mod:`platform.losses.long_tail.class_weights`).
    """
    if gamma < 0:
        raise ValueError(f"gamma must be >= 0, got {gamma}")
    log_p_BC = at_least_float32(logits_BC).log_softmax(1)
    if targets.dim() == 1 and label_smoothing == 0:
        return _modulated(log_p_BC.gather(1, targets[:, None]).squeeze(1), gamma)
    shares_BC = smoothed(targets, log_p_BC, label_smoothing)
    return (shares_BC * _modulated(log_p_BC, gamma)).sum(1)


def _modulated(log_p: Tensor, gamma: float) -> Tensor:
    unsure = (-torch.expm1(log_p)).clamp(min=LEAST)
    return unsure**gamma * -log_p
