"""LDAM: cross-entropy with a margin that is larger for rarer classes.

Shapes: B samples, C classes.
"""

import torch
from torch import Tensor

from platform.losses.cross_entropy import at_least_float32, cross_entropy


def ldam_margins(class_counts_C: Tensor, *, max_margin: float) -> Tensor:
    """[C] float32: Δ_c = n_c^(-1/4), scaled so that the largest is ``max_margin``.

    A class without samples has the largest margin and does not change the others'.

    Cao et al., Learning Imbalanced Datasets with Label-Distribution-Aware Margin Loss, NeurIPS 2019
    (arXiv 1906.07413), equation 13; differs from the authors' code, where such a class makes all margins NaN.
    """
    margins_C = class_counts_C.clamp(min=1).double() ** -0.25
    largest = torch.where(class_counts_C > 0, margins_C, 0).amax()
    return (margins_C * (max_margin / largest)).clamp(max=max_margin).float()


def ldam(
    logits_BC: Tensor,
    labels_B: Tensor,
    class_counts_C: Tensor,
    *,
    max_margin: float,
    scale: float,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Per-sample loss [B] in nats: cross-entropy of z_c - [c = y] · s · Δ_y with logits z_c = s · cos θ_c.

    θ_c is the angle between the features and the weights of class c, s is ``scale`` (of the logits as they
    are given; 30 in the paper), Δ the :func:`ldam_margins`. ``label_smoothing`` is that of cross-entropy, of
    the same logits. Computed in float32 at least: at s = 30 the smoothed sum over 5,000 classes is beyond
    what half precision holds.

    Cao et al., NeurIPS 2019 (arXiv 1906.07413), equation 11.
    """
    margins_B = ldam_margins(class_counts_C, max_margin=max_margin)[labels_B]
    return margin_cross_entropy(logits_BC, labels_B, scale * margins_B, label_smoothing=label_smoothing)


def margin_cross_entropy(
    logits_BC: Tensor, labels_B: Tensor, margins_B: Tensor, *, label_smoothing: float = 0.0
) -> Tensor:
    """Per-sample loss [B]: cross-entropy of the logits, of which the label's is ``margins_B`` lower."""
    logits_BC = at_least_float32(logits_BC)
    lower_B1 = margins_B.to(logits_BC.dtype)[:, None]
    lowered_BC = logits_BC.scatter_add(1, labels_B[:, None], -lower_B1)
    return cross_entropy(lowered_BC, labels_B, label_smoothing=label_smoothing)
