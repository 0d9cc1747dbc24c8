"""Sample selection of Peer-learning.

Shapes: B samples of one batch.
"""

import torch
from torch import Tensor

ROUNDING = 1e-6
"""Far above the rounding error of (1 - d) · n for any batch, far below one sample."""


def peer_selection(agreed_B: Tensor, peer_losses_B: Tensor, *, drop_rate: float) -> Tensor:
    """Which samples a network learns [B, bool]: the disagreed ones and the agreed ones its peer finds easy.

    ``agreed_B`` (bool): both networks predict the same class. ``peer_losses_B``: losses of the *other*
    network. Of the n agreed samples, the floor((1 - drop_rate) · n) with the smallest peer loss are kept,
    ties by position. The floor ignores rounding errors: drop_rate 0.9 keeps 1 of 10, although
    int((1 - 0.9) * 10) is 0.

    Sun et al., Webly Supervised Fine-Grained Recognition: Benchmark Datasets and An Approach, ICCV 2021
    (arXiv 2108.02399), algorithm 1; differs from the authors' code in the stable sort and in the floor.
    """
    if not 0 <= drop_rate <= 1:
        raise ValueError(f"drop_rate must be in [0, 1], got {drop_rate}")
    kept = torch.floor((1 - drop_rate) * agreed_B.sum().double() + ROUNDING)
    order_B = peer_losses_B.detach().argsort(stable=True)
    rank_B = torch.empty_like(order_B).scatter(0, order_B, agreed_B[order_B].cumsum(0))  # from 1, agreed only
    return ~agreed_B | (rank_B <= kept)


def mean_of_selected(losses_B: Tensor, selected_B: Tensor) -> Tensor:
    """Mean loss [] over the selected samples; 0 with a gradient of 0 if none is selected."""
    return torch.where(selected_B, losses_B, 0).sum() / selected_B.sum().clamp(min=1)
