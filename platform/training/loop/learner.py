"""A network as a method's step sees it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from platform.training.optimisation.precision import Precision, autocast
from platform.training.loop.workers import Workers


@dataclass(frozen=True)
class NetworkLearner:
    """Runs a network, or its companion over it, on this worker's part of a batch of ``samples`` pictures.

    It runs in ``precision``, and nothing else does. What comes out is the whole batch's, in float32, so that
    losses are never computed in half precision.
    """

    network: nn.Module
    companion: nn.Module | None
    workers: Workers
    samples: int
    precision: Precision

    def __call__(self, *images: Tensor) -> Any:
        with autocast(self.precision, images[0].device):
            found = self.network(*images) if self.companion is None else self.companion(self.network, *images)
        if isinstance(found, Tensor):
            return self._whole(found)
        return tuple(map(self._whole, found))

    def _whole(self, own: Tensor) -> Tensor:
        return self.workers.gather(own.float(), self.samples)


def parameters_of(network: nn.Module, companion: nn.Module | None) -> list[nn.Parameter]:
    """All that one optimiser steps."""
    return [*network.parameters(), *(companion.parameters() if companion is not None else ())]


def learners(
    networks: Sequence[nn.Module],
    companions: Sequence[nn.Module | None],
    workers: Workers,
    samples: int,
    precision: Precision,
) -> list[NetworkLearner]:
    """One for each network, of a batch of ``samples`` pictures."""
    return [
        NetworkLearner(network, companion, workers, samples, precision)
        for network, companion in zip(networks, companions, strict=True)
    ]
