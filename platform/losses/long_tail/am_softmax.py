"""Additive margin softmax: the cosine of the label must be higher than the others by a margin.

Shapes: B samples, C classes.
"""

from torch import Tensor

from platform.losses.long_tail.ldam import margin_cross_entropy


def am_softmax(
    logits_BC: Tensor, labels_B: Tensor, *, margin: float, scale: float, label_smoothing: float = 0.0
) -> Tensor:
    """Per-sample loss [B] in nats: cross-entropy of z_c - [c = y] · s · m with logits z_c = s · cos θ_c.

    θ_c is the angle between the features and the weights of class c, s is ``scale`` (of the logits as they
    are given), m ``margin``. ``label_smoothing`` is that of cross-entropy, of the same logits.

    Wang et al., Additive Margin Softmax for Face Verification, 2018 (arXiv 1801.05599), equation 6; the same
    as CosFace (Wang et al., CVPR 2018, arXiv 1801.09414).
    """
    margins_B = logits_BC.new_full(labels_B.shape, scale * margin)
    return margin_cross_entropy(logits_BC, labels_B, margins_B, label_smoothing=label_smoothing)
