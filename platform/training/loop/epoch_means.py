"""Means over an epoch's samples of the metrics that a method reports per batch."""

from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor

from platform.methods import StepOutput


class EpochMeans:
    """Accumulates metrics on the networks' device, so that the host does not wait during an epoch."""

    def __init__(self) -> None:
        self._values: dict[str, list[Tensor]] = defaultdict(list)
        self._counts: dict[str, list[Tensor | int]] = defaultdict(list)

    def add(self, output: StepOutput, samples: int) -> None:
        """Add the metrics of a batch of ``samples`` samples."""
        for name, value in output.metrics.items():
            self._values[name].append(value)
            self._counts[name].append(output.counts.get(name, samples))

    def means(self) -> dict[str, float]:
        """The means; a metric without any sample is absent."""
        found = {}
        for name, values in self._values.items():
            weights = _as_weights(self._counts[name])
            if weights.any():
                total = (torch.stack(values).cpu().double() * weights).sum()
                found[name] = (total / weights.sum()).item()
        return found


def _as_weights(counts: Sequence[Tensor | int]) -> Tensor:
    tensors = [count for count in counts if isinstance(count, Tensor)]
    if not tensors:
        return torch.tensor(counts, dtype=torch.float64)
    return torch.stack(tensors).cpu().double()
