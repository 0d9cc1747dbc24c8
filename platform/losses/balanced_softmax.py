"""Balanced Softmax, cross-entropy that knows how often each class occurs in training.

Shapes: B samples, C classes.
"""

import torch
from torch import Tensor


def balanced_softmax(
    logits_BC: Tensor, labels_B: Tensor, class_counts_C: Tensor, *, label_smoothing: float = 0.0
) -> Tensor:
    """Per-sample loss [B] in nats: -log(n_y · exp(z_y) / Σ_c n_c · exp(z_c)).

    ``class_counts_C`` holds n_c >= 0, the training samples of each class. A class without any (n_c = 0)
    adds nothing to the denominator and gets no gradient, exactly as the formula says. A sample of such a
    class would have an infinite loss; as the sample itself shows that the class has one, its n_y counts as
    1 for that sample, so that value and gradient stay finite.

    ``label_smoothing`` s mixes in the mean of -log over the K classes that occur:
    (1 - s) · loss_y + s/K · Σ_c loss_c. The paper has none.

    Ren et al., Balanced Meta-Softmax for Long-Tailed Visual Recognition, NeurIPS 2020 (arXiv 2007.10740),
    equation 4; differs from the authors' code, where a class without samples gives -inf.
    """
    label_B1 = labels_B[:, None]
    counts_C = class_counts_C.to(logits_BC.dtype)
    counts_BC = counts_C.expand_as(logits_BC).scatter(1, label_B1, counts_C[label_B1].clamp(min=1))
    log_p_BC = (logits_BC + counts_BC.log()).log_softmax(1)
    loss_B = -log_p_BC.gather(1, label_B1).squeeze(1)
    if label_smoothing == 0:
        return loss_B
    occurs_BC = counts_BC > 0
    spread_B = -torch.where(occurs_BC, log_p_BC, 0).sum(1) / occurs_BC.sum(1)
    return (1 - label_smoothing) * loss_B + label_smoothing * spread_B
