"""Cross-entropy, the loss that everything else is measured against.

Shapes: B samples, C classes.
"""

import torch.nn.functional as F
from torch import Tensor


def cross_entropy(logits_BC: Tensor, labels_B: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Per-sample loss [B] in nats: -(1 - s) · log p_y - s/C · Σ_c log p_c, with p = softmax(logits).

    ``label_smoothing`` is s in [0, 1] (Szegedy et al., CVPR 2016, arXiv 1512.00567).
    """
    return F.cross_entropy(logits_BC, labels_B, reduction="none", label_smoothing=label_smoothing)
