"""What a method reports of each batch, as means over the samples of an epoch."""

from collections import defaultdict

import torch
from torch import Tensor

from platform.methods import StepOutput


class EpochMeans:
    """Kept on the networks' device, so that nothing waits for it while an epoch runs."""

    def __init__(self) -> None:
        self._values: dict[str, list[Tensor]] = defaultdict(list)
        self._counts: dict[str, list[Tensor]] = defaultdict(list)

    def add(self, output: StepOutput, samples: int) -> None:
        """Take in what a step reports of a batch of so many samples."""
        for name, value in output.metrics.items():
            self._values[name].append(value)
            self._counts[name].append(output.counts.get(name, torch.tensor(samples)))

    def means(self) -> dict[str, float]:
        """The metrics' means; one that is a mean over no sample at all is absent."""
        found = {}
        for name, values in self._values.items():
            weights = torch.stack(self._counts[name]).cpu().double()
            if weights.any():
                total = (torch.stack(values).cpu().double() * weights).sum()
                found[name] = (total / weights.sum()).item()
        return found
