"""Cross-entropy, the baseline loss.

Shapes: B samples, C classes.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def cross_entropy(logits_BC: Tensor, targets: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Per-sample loss [B] in nats: -(1 - s) · Σ_c t_c · log p_c - s/C · Σ_c log p_c; p = softmax(logits).

    ``targets`` are labels [B] (int64; t is then 1 at the label, else 0) or soft labels t [B, C] (float, each
    row adds up to 1). ``label_smoothing`` is s in [0, 1] (Szegedy et al., CVPR 2016, arXiv 1512.00567).
    """
    return F.cross_entropy(
        at_least_float32(logits_BC), targets, reduction="none", label_smoothing=label_smoothing
    )


def at_least_float32(logits_BC: Tensor) -> Tensor:
    """The logits, in float32 if they are in half precision, in which sums over many classes overflow."""
    return logits_BC.float() if logits_BC.dtype in (torch.float16, torch.bfloat16) else logits_BC


def smoothed(targets: Tensor, logits_BC: Tensor, label_smoothing: float) -> Tensor:
    """Soft labels [B, C] for these logits: (1 - s) · t_c + s/C, of labels [B] or soft labels t [B, C]."""
    if targets.dim() == 1:
        targets = torch.zeros_like(logits_BC).scatter(1, targets[:, None], 1.0)
    return (1 - label_smoothing) * targets.to(logits_BC.dtype) + label_smoothing / logits_BC.shape[1]
