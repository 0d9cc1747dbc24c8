"""What the sampler curves reads from the trials of a study; from one that has ended only once."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from platform.config.space import Space
from platform.tuning.statistic import Statistic, value_of
from platform.tuning.samplers.unit_space import UnitSpace

SHARES = (0.15, 0.3, 0.45, 0.65)
"""Of the longest trial's epochs those that are looked at, beside its last: what it was worth by then."""
MOST = 200
"""Values that are learnt from: the time it takes grows as their number cubed, the memory as it squared."""


@dataclass(frozen=True)
class Seen:
    """A trial: ``row_P`` of its settings (None: none of the space), its ``values`` at ``times``.

    Times are log e / log E of the epochs e that are looked at, E the longest trial's, and 1 of the last epoch
    of a trial that was run to its end; of values the more is the better.
    """

    number: int
    row_P: NDArray[np.float64] | None
    times: tuple[float, ...]
    values: tuple[float, ...]
    state: TrialState

    @property
    def is_known(self) -> bool:
        """Its values are those of its settings: it did not fail."""
        return self.row_P is not None and bool(self.values) and self.state != TrialState.FAIL

    @property
    def was_drawn_in_vain(self) -> bool:
        """It fulfilled no constraint, or failed before its first epoch."""
        return not self.values and self.state in (TrialState.PRUNED, TrialState.FAIL)


class CurveMemory:
    """Of one study, whose space and statistic do not change."""

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
    """Of more than MOST values those of the best trials, a half, and of the latest of the others."""
    if sum(len(one.values) for one in trials) <= MOST:
        return list(trials)
    ranked = sorted(trials, key=lambda one: -one.values[-1])
    kept = _first_of(ranked, MOST // 2)
    others = sorted(ranked[len(kept) :], key=lambda one: -one.number)
    return sorted([*kept, *_first_of(others, MOST - MOST // 2)], key=lambda one: one.number)


def _first_of(trials: Sequence[Seen], most: int) -> list[Seen]:
    """As many as have no more than so many values together."""
    until = accumulate(len(one.values) for one in trials)
    return [one for one, values in zip(trials, until, strict=True) if values <= most]
