"""A companion with a moving average of its network's weights, whose predictions the network learns."""

from copy import deepcopy
from typing import Any

import torch
from torch import Tensor, nn


class MeanTeacher(nn.Module):
    """Two augmentations in; logits of both out, and those of the averaged network for the first.

    Tarvainen & Valpola, Mean teachers are better role models, NeurIPS 2017 (arXiv 1703.01780). The average
    follows the network before each step, of which the first t leave it the mean of t + 1 networks at most.
    Its batch norms use the statistics of the batch, of both augmentations: the running ones are of other
    weights. Its dropout is off.
    """

    steps: Tensor

    def __init__(self, network: nn.Module, decay: float) -> None:
        super().__init__()
        self.teacher = deepcopy(network).requires_grad_(False)
        self.decay = decay
        self.register_buffer("steps", torch.zeros(()))
        self.train()

    def train(self, mode: bool = True) -> "MeanTeacher":
        """The averaged network is in eval mode, but for its batch norms."""
        super().train(mode)
        for module in self.teacher.modules():
            module.training = isinstance(module, nn.modules.batchnorm._BatchNorm)
        return self

    def forward(self, network: nn.Module, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Logits [B, C] of the first augmentation, of the second, and the teacher's of the first."""
        both = torch.cat([first, second])
        logits: Any = network(both)
        self._follow(network)
        with torch.no_grad():
            taught: Any = self.teacher(both)
        return logits[: len(first)], logits[len(first) :], taught[: len(first)]

    @torch.no_grad()
    def _follow(self, network: nn.Module) -> None:
        new = (1 / (self.steps + 1)).clamp(min=1 - self.decay)
        self.steps += 1
        for average, own in zip(self.teacher.parameters(), network.parameters(), strict=True):
            average.lerp_(own, new)
