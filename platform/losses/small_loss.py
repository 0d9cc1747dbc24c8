"""Which samples of a batch have the smallest losses: the selection of Co-teaching and JoCoR.

Shapes: B samples of one batch.
"""

import torch
from torch import Tensor

from platform.losses.peer_selection import ROUNDING


def smallest_losses(losses_B: Tensor, *, forget_rate: float) -> Tensor:
    """[B, bool]: the max(floor((1 - forget_rate) · B), 1) samples with the smallest losses, ties by position.

    Han et al., Co-teaching: Robust Training of Deep Neural Networks with Extremely Noisy Labels, NeurIPS 2018
    (arXiv 1804.06872), line 4 of the algorithm. Differs from the authors' code in the stable sort, in the
    floor, which ignores rounding errors (int((1 - 0.9) * 10) is 0), and in keeping at least one sample.
    """
    if not 0 <= forget_rate <= 1:
        raise ValueError(f"forget_rate must be in [0, 1], got {forget_rate}")
    kept = max(int((1 - forget_rate) * len(losses_B) + ROUNDING), 1)
    order_B = losses_B.detach().argsort(stable=True)
    places_B = torch.arange(len(losses_B), device=losses_B.device)
    return torch.zeros_like(losses_B, dtype=torch.bool).scatter(0, order_B, places_B < kept)


def forget_rate_at(epoch: int, *, forget_rate: float, ramp_epochs: int, exponent: float = 1.0) -> float:
    """R(t) = forget_rate · min((t / ramp_epochs)^exponent, 1) in epoch t, from 0.

    Han et al., NeurIPS 2018, section 4: T_k is ``ramp_epochs``, c the exponent. The authors' code follows the
    formula only for c = 1, where it counts one epoch less (linspace(0, forget_rate, T_k)).
    """
    if epoch >= ramp_epochs:
        return forget_rate
    return float(forget_rate * (epoch / ramp_epochs) ** exponent)
