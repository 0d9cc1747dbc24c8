"""What a study is told of its trials' epochs, and how it is read from there."""

import math
from collections.abc import Mapping, Sequence

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from platform.tuning.goals import Goal

EPOCH = "epoch "
"""What the attributes begin with that hold an epoch's values of several goals; its number follows."""


def has_done_an_epoch(trial: FrozenTrial) -> bool:
    """Whether the study was told of any."""
    return bool(trial.intermediate_values) or any(name.startswith(EPOCH) for name in trial.user_attrs)


def history_of(trial: FrozenTrial, goals: Sequence[Goal]) -> dict[str, dict[int, float]]:
    """By metric and epoch; what was no finite number is NaN where there are several goals."""
    if len(goals) == 1:
        return {goals[0].metric: dict(trial.intermediate_values)}
    history: dict[str, dict[int, float]] = {goal.metric: {} for goal in goals}
    for name, values in trial.user_attrs.items():
        if name.startswith(EPOCH):
            for metric, value in values.items():
                history[metric][int(name.removeprefix(EPOCH))] = math.nan if value is None else value
    return history


class ToldEpochs:
    """The values of ``goals`` after each epoch, in ``storage``.

    Of a single goal they are Optuna's intermediate values. Of several they are attributes of the trial:
    Optuna has one intermediate value a step, and its TPE cannot split pruned trials that have any in a
    study of several directions.
    """

    def __init__(self, storage: BaseStorage, goals: Sequence[Goal]) -> None:
        self._storage = storage
        self._goals = goals

    def tell(self, storage_id: int, epoch: int, values: Mapping[str, float]) -> None:
        """``values``: by metric; in one write, so that a killed process leaves all of an epoch or nothing."""
        if len(self._goals) == 1:
            value = values[self._goals[0].metric]
            self._storage.set_trial_intermediate_value(storage_id, epoch, value)
        else:
            numbers = {name: value if math.isfinite(value) else None for name, value in values.items()}
            self._storage.set_trial_user_attr(storage_id, f"{EPOCH}{epoch:06d}", numbers)

    def of(self, trial: FrozenTrial) -> dict[str, dict[int, float]]:
        return history_of(trial, self._goals)
