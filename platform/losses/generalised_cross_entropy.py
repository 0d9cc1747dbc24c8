"""Generalised cross-entropy, between cross-entropy and mean absolute error; truncated, too.

Shapes: B samples, C classes.
"""

import torch
from torch import Tensor


def generalised_cross_entropy(
    logits_BC: Tensor, labels_B: Tensor, *, q: float, truncate_below: float = 0.0
) -> Tensor:
    """Per-sample loss [B]: (1 - p_y^q) / q, and the constant (1 - k^q) / q where p_y <= k.

    p = softmax(logits), y the label, q in (0, 1]: towards 0 it is cross-entropy, at 1 mean absolute error.
    k is ``truncate_below``, in [0, 1); a sample that the network gives less of its label is not learnt (its
    gradient is 0). 0 truncates nothing.

    Zhang & Sabuncu, Generalized Cross Entropy Loss for Training Deep Neural Networks with Noisy Labels,
    NeurIPS 2018 (arXiv 1805.07836), L_q and, with k, L_trunc of equation 8. p_y^q is computed as
    exp(q · log p_y), whose gradient stays finite where p_y underflows.
    """
    if not 0 < q <= 1:
        raise ValueError(f"q must be in (0, 1], got {q}")
    log_p_B = logits_BC.log_softmax(1).gather(1, labels_B[:, None]).squeeze(1)
    loss_B = -torch.expm1(q * log_p_B) / q
    if truncate_below == 0:
        return loss_B
    return torch.where(log_p_B.exp() > truncate_below, loss_B, (1 - truncate_below**q) / q)
