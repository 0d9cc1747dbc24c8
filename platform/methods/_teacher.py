"""A companion with a moving average of its network's weights, whose predictions the network learns."""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn


class MeanTeacher(nn.Module):
    """Two augmentations in; logits of both out, and those of the averaged network for the first.

    Tarvainen & Valpola, Mean teachers are better role models, NeurIPS 2017 (arXiv 1703.01780). The average
    follows the network before each step; buffers, such as the statistics of batch norm, are the network's.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__()
        self.teacher = deepcopy(network).requires_grad_(False).eval()
        self.decay = decay

    def train(self, mode: bool = True) -> "MeanTeacher":
        """The averaged network stays in eval mode."""
        super().train(mode)
        self.teacher.eval()
        return self

    def forward(self, network: nn.Module, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits [B, C] of the first augmentation, of the second, and the teacher's of the first."""
        logits: Any = network(torch.cat([first, second]))
        self._follow(network)
        with torch.no_grad():
            taught_BC = self.teacher(first)
        return logits[: len(first)], logits[len(first) :], taught_BC

    @torch.no_grad()
    def _follow(self, network: nn.Module) -> None:
        own = [parameter.detach() for parameter in network.parameters()]
        torch._foreach_lerp_(list(self.teacher.parameters()), own, 1 - self.decay)
        for average, buffer in zip(self.teacher.buffers(), network.buffers(), strict=True):
            average.copy_(buffer)
