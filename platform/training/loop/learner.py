"""The network that a method's step calls: it runs a worker's part of the batch in the trial's precision."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from platform.training.loop.workers import Workers
from platform.training.optimisation.precision import Precision, autocast


@dataclass(frozen=True)
class NetworkLearner:
    """Runs a network, or its companion on it, on this worker's part of a batch of ``samples`` images.

    Only this call runs in ``precision``. The result covers the whole batch, in float32, so that losses are
    never computed in half precision.
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
    """All parameters that one optimiser updates."""
    return [*network.parameters(), *(companion.parameters() if companion is not None else ())]


def learners(
    networks: Sequence[nn.Module],
    companions: Sequence[nn.Module | None],
    workers: Workers,
    samples: int,
    precision: Precision,
) -> list[NetworkLearner]:
    """Make one learner per network for a batch of ``samples`` images."""
    return [
        NetworkLearner(network, companion, workers, samples, precision)
        for network, companion in zip(networks, companions, strict=True)
    ]
