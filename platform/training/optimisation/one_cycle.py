"""The one-cycle learning rate, which timm's schedulers lack."""

import math

from timm.scheduler.scheduler import Scheduler
from torch.optim import Optimizer


class OneCycleLRScheduler(Scheduler):
    """Half a cosine up over ``rising_steps``, then half a cosine down to the last step.

    ``start_factor`` and ``end_factor``: the first and the last learning rate as shares of the highest.
    """

    def __init__(
        self, optimiser: Optimizer, *, steps: int, rising_steps: int, start_factor: float, end_factor: float
    ) -> None:
        super().__init__(optimiser, param_group_field="lr", t_in_epochs=False)
        self.start_factor = start_factor
        self.end_factor = end_factor
        self.last_step = steps - 1
        self.rising_steps = rising_steps

    def _get_lr(self, t: int) -> list[float]:
        return [highest * self._factor(t) for highest in self.base_values]

    def _factor(self, t: int) -> float:
        if t < self.rising_steps:
            return _along_cosine(self.start_factor, 1.0, t / self.rising_steps)
        falling_steps = max(self.last_step - self.rising_steps, 1)
        return _along_cosine(1.0, self.end_factor, min((t - self.rising_steps) / falling_steps, 1.0))


def _along_cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
