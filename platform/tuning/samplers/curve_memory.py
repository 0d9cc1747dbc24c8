"""What the sampler ``curves`` learns from each trial of a study: its settings and points of its curve."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from platform.config.space import Space
from platform.tuning.goals import Statistic, value_of
from platform.tuning.samplers.unit_space import UnitSpace

SHARES = (0.15, 0.3, 0.45, 0.65)
"""Shares of the longest trial's epochs at which a curve is read, besides the trial's last epoch."""
MOST = 200
"""Most values to learn from: time grows with their number cubed, memory with its square."""


@dataclass(frozen=True)
class Seen:
    """A trial: its settings ``row_P`` (None: outside the space) and its ``values`` at ``times``.

    A time is log e / log E for epoch e, E being the longest trial's epochs, and 1 for the last epoch of a
    trial that ran to its end. Larger values are better.
    """

    number: int
    row_P: NDArray[np.float64] | None
    times: tuple[float, ...]
    values: tuple[float, ...]
    state: TrialState

    @property
    def is_known(self) -> bool:
        """Whether its values can be learnt from: it did not fail."""
        return self.row_P is not None and bool(self.values) and self.state != TrialState.FAIL

    @property
    def was_drawn_in_vain(self) -> bool:
        """Whether it broke a constraint, or failed before its first epoch."""
        return not self.values and self.state in (TrialState.PRUNED, TrialState.FAIL)


class CurveMemory:
    """Reads the trials of one study with a constant space and statistic; each ended trial only once."""

    def __init__(self, space: Space, epochs: int, statistic: Statistic) -> None:
        self.units = UnitSpace(space)
        self._looks = {round(share * epochs) for share in SHARES}
        self._log_epochs = math.log(max(epochs, 2))
        self._statistic: Statistic = statistic
        self._ended: dict[int, Seen] = {}

    def of(self, trial: FrozenTrial, direction: StudyDirection) -> Seen:
        if trial.number in self._ended:
            return self._ended[trial.number]
        sign = -1.0 if direction == StudyDirection.MINIMIZE else 1.0
        all_values = sorted(trial.intermediate_values.items())
        curve = {epoch: sign * value for epoch, value in all_values if math.isfinite(value)}
        looks = sorted(self._looks & curve.keys() | {max(curve)}) if curve else []
        times = [math.log(epoch) / self._log_epochs for epoch in looks]
        if times and trial.state == TrialState.COMPLETE:
            times[-1] = 1.0
        seen = Seen(
            trial.number,
            self.units.units(trial.params) if trial.params else None,
            tuple(times),
            tuple(self._value(curve, epoch) for epoch in looks),
            trial.state,
        )
        if trial.state.is_finished():
            self._ended[trial.number] = seen
        return seen

    def _value(self, curve: dict[int, float], until: int) -> float:
        return value_of([curve[epoch] for epoch in curve if epoch <= until], self._statistic, "max")


def foremost(trials: Sequence[Seen]) -> list[Seen]:
    """At most MOST values: half from the best trials, half from the latest of the others."""
    if sum(len(one.values) for one in trials) <= MOST:
        return list(trials)
    ranked = sorted(trials, key=lambda one: -one.values[-1])
    kept = _first_of(ranked, MOST // 2)
    others = sorted(ranked[len(kept) :], key=lambda one: -one.number)
    return sorted([*kept, *_first_of(others, MOST - MOST // 2)], key=lambda one: one.number)


def _first_of(trials: Sequence[Seen], most: int) -> list[Seen]:
    """The first trials that together have at most ``most`` values."""
    until = accumulate(len(one.values) for one in trials)
    return [one for one, values in zip(trials, until, strict=True) if values <= most]
