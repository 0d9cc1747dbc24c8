"""Cross-entropy, the baseline loss.

Shapes: B samples, C classes.
"""

import torch.nn.functional as F
from torch import Tensor


def cross_entropy(logits_BC: Tensor, targets: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Per-sample loss [B] in nats: -(1 - s) · Σ_c t_c · log p_c - s/C · Σ_c log p_c; p = softmax(logits).

    ``targets`` are labels [B] (int64; t is then 1 at the label, else 0) or soft labels t [B, C] (float, each
    row adds up to 1). ``label_smoothing`` is s in [0, 1] (Szegedy et al., CVPR 2016, arXiv 1512.00567).
    """
    return F.cross_entropy(logits_BC, targets, reduction="none", label_smoothing=label_smoothing)
