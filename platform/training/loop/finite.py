"""Notices a loss that is not finite."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from platform.training.errors import TrainingDiverged

STEPS_UNWATCHED = 50
"""On a GPU losses are looked at this many steps at a time: looking makes the CPU wait for the device."""


class FiniteWatch:
    """Raises :class:`TrainingDiverged` for a loss that is NaN or infinite.

    On a CPU before the weights are touched by it, on a GPU some steps later, but within its epoch: no
    checkpoint is written and no metric reported of what came after.
    """

    def __init__(self, device: torch.device) -> None:
        self._patience = 1 if device.type == "cpu" else STEPS_UNWATCHED
        self._losses: list[Tensor] = []
        self._places: list[str] = []

    def see(self, losses: Sequence[Tensor], place: str) -> None:
        """Take the losses of one step; ``place`` says which one for the message."""
        self._losses.append(torch.stack(list(losses)).detach())
        self._places.append(place)
        if len(self._losses) >= self._patience:
            self.look()

    def look(self) -> None:
        """Look at all that were seen since the last time."""
        losses, places = self._losses, self._places
        self._losses, self._places = [], []
        if not losses or torch.stack(losses).isfinite().all():
            return
        for values_M, place in zip(losses, places, strict=True):
            for number, value in enumerate(values_M.tolist(), start=1):
                if not math.isfinite(value):
                    raise TrainingDiverged(f"the loss of network {number} is {value} in {place}")
