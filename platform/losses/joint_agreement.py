"""JoCoR's joint loss: both networks' cross-entropy, and how far their predictions are from each other.

Shapes: B samples, C classes.
"""

import torch.nn.functional as F
from torch import Tensor

from platform.losses.cross_entropy import cross_entropy


def symmetric_divergence(logits_1_BC: Tensor, logits_2_BC: Tensor) -> Tensor:
    """[B]: KL(p_2 ‖ p_1) + KL(p_1 ‖ p_2) in nats, p = softmax; the gradient goes through both sides."""
    log_1_BC, log_2_BC = logits_1_BC.log_softmax(1), logits_2_BC.log_softmax(1)
    first_BC = F.kl_div(log_1_BC, log_2_BC, reduction="none", log_target=True)
    second_BC = F.kl_div(log_2_BC, log_1_BC, reduction="none", log_target=True)
    return (first_BC + second_BC).sum(1)


def joint_losses(
    logits_1_BC: Tensor, logits_2_BC: Tensor, labels_B: Tensor, *, co_lambda: float
) -> tuple[Tensor, Tensor]:
    """Each network's part [B] of (1 - λ) · (CE_1 + CE_2) + λ · symmetric divergence, which is their sum.

    Wei et al., Combating Noisy Labels by Agreement: A Joint Training Method with Co-Regularization, CVPR 2020
    (arXiv 2003.02752), equations 1 to 5; λ is ``co_lambda``. Half of the divergence stands in each part.
    """
    divergence_B = co_lambda / 2 * symmetric_divergence(logits_1_BC, logits_2_BC)
    first_B = (1 - co_lambda) * cross_entropy(logits_1_BC, labels_B) + divergence_B
    second_B = (1 - co_lambda) * cross_entropy(logits_2_BC, labels_B) + divergence_B
    return first_B, second_B
