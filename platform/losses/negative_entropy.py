"""The confidence penalty of a warm-up: it keeps a network from being sure of labels that may be wrong.

Shapes: B samples, C classes.
"""

import torch
from torch import Tensor


def negative_entropy(logits_BC: Tensor) -> Tensor:
    """Per-sample loss [B]: Σ_c p_c · log p_c in nats, from -log C (all classes alike) to 0 (sure of one).

    Pereyra et al., Regularizing Neural Networks by Penalizing Confident Output Distributions, 2017
    (arXiv 1701.06548); DivideMix, SED and ProMix add it to their warm-up. The latter two clamp the logits,
    which changes its value; here nothing needs a clamp.
    """
    log_BC = logits_BC.log_softmax(1)
    return torch.where(log_BC > -torch.inf, log_BC.exp() * log_BC, 0).sum(1)
