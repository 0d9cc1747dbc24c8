"""Balanced Softmax: cross-entropy that accounts for the class frequencies of the training set.

Shapes: B samples, C classes.
"""

import torch
from torch import Tensor

from platform.losses.cross_entropy import at_least_float32


def balanced_softmax(
    logits_BC: Tensor,
    targets: Tensor,
    class_counts_C: Tensor,
    *,
    tau: float = 1.0,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Per-sample loss [B] in nats: Σ_c t_c · loss_c, loss_c = -log(n_c^τ · exp(z_c) / Σ_k n_k^τ · exp(z_k)).

    ``targets`` are labels [B] (int64; t is then 1 at the label, else 0) or soft labels t [B, C] (float, each
    row adds up to 1). ``class_counts_C`` holds n_c >= 0, the training samples of each class. A class without
    samples (n_c = 0) adds nothing to the denominator and gets no gradient, as the formula says. A sample of
    such a class would have an infinite loss; for that sample, the n_c of its own classes count as at least 1,
    so that value and gradient stay finite.

    ``label_smoothing`` s adds the mean of loss_c over the K classes that occur:
    (1 - s) · Σ_c t_c · loss_c + s/K · Σ_c loss_c. The paper uses none. ``tau`` is τ > 0; the paper's is 1.

    Ren et al., Balanced Meta-Softmax for Long-Tailed Visual Recognition, NeurIPS 2020 (arXiv 2007.10740),
    equation 4; differs from the authors' code, where a class without samples gives -inf. With τ it is the
    logit-adjusted loss of Menon et al., ICLR 2021 (arXiv 2007.07314), equation 10: the two differ by a
    constant shift of all logits.
    """
    if tau <= 0:
        raise ValueError(f"tau must be > 0, got {tau}")
    logits_BC = at_least_float32(logits_BC)
    counts_C = class_counts_C.to(logits_BC.dtype)
    if targets.dim() == 1:
        label_B1 = targets[:, None]
        counts_BC = counts_C.expand_as(logits_BC).scatter(1, label_B1, counts_C[label_B1].clamp(min=1))
        log_p_BC = (logits_BC + tau * counts_BC.log()).log_softmax(1)
        loss_B = -log_p_BC.gather(1, label_B1).squeeze(1)
    else:
        counts_BC = torch.where(targets > 0, counts_C.clamp(min=1), counts_C)
        log_p_BC = (logits_BC + tau * counts_BC.log()).log_softmax(1)
        loss_B = -torch.where(targets > 0, targets * log_p_BC, 0).sum(1)
    if label_smoothing == 0:
        return loss_B
    occurs_BC = counts_BC > 0
    spread_B = -torch.where(occurs_BC, log_p_BC, 0).sum(1) / occurs_BC.sum(1)
    return (1 - label_smoothing) * loss_B + label_smoothing * spread_B
