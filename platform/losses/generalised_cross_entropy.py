"""Generalised cross-entropy, between cross-entropy and mean absolute error; truncated, too.

Shapes: B samples, C classes.
"""

import torch
from torch import Tensor

from platform.losses.cross_entropy import at_least_float32, smoothed


def generalised_cross_entropy(
    logits_BC: Tensor,
    targets: Tensor,
    *,
    q: float,
    truncate_below: float = 0.0,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Per-sample loss [B]: Σ_c t_c · loss_c, loss_c = (1 - p_c^q) / q, or (1 - k^q) / q if p_c <= k.

    p = softmax(logits), q in (0, 1]: towards 0 it is cross-entropy, at 1 mean absolute error. ``targets`` are
    labels [B] (int64; t is then 1 at the label, else 0) or soft labels t [B, C] (float, each row adds up to
    1). ``label_smoothing`` s replaces t_c by (1 - s) · t_c + s/C; the paper has none.
    k is ``truncate_below``, in [0, 1); a sample that the network gives less of its label is not learnt (its
    gradient is 0). 0 truncates nothing.

    Zhang & Sabuncu, Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels,
    NeurIPS 2018 (arXiv 1805.07836), L_q and, with k, L_trunc of equation 8. p_y^q is computed as
    exp(q · log p_y), whose gradient stays finite where p_y underflows.
    """
    if not 0 < q <= 1:
        raise ValueError(f"q must be in (0, 1], got {q}")
    log_p_BC = at_least_float32(logits_BC).log_softmax(1)
    if targets.dim() == 1 and label_smoothing == 0:
        return _of_probability(log_p_BC.gather(1, targets[:, None]).squeeze(1), q, truncate_below)
    shares_BC = smoothed(targets, log_p_BC, label_smoothing)
    return (shares_BC * _of_probability(log_p_BC, q, truncate_below)).sum(1)


def _of_probability(log_p: Tensor, q: float, truncate_below: float) -> Tensor:
    loss = -torch.expm1(q * log_p) / q
    if truncate_below == 0:
        return loss
    return torch.where(log_p.exp() > truncate_below, loss, (1 - truncate_below**q) / q)
