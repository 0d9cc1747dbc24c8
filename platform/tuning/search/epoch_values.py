"""How the study keeps each goal's value after each epoch of a trial: written here, and read back here.

With one goal, these are Optuna's intermediate values. With several, they are attributes of the trial: Optuna
has one intermediate value per step, and its TPE cannot split pruned trials that have any in a study with
several directions.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial

from platform.tuning.goals import Goal

EPOCH: Final = "epoch "
"""Prefix of the attributes that hold an epoch's values of several goals; the epoch's number follows."""


def record_epoch(storage: BaseStorage, trial_id: int, epoch: int, values: Mapping[str, float]) -> None:
    """Add an epoch to the storage's trial ``trial_id``; ``values``: every goal's, by metric.

    This is one write: a killed process leaves all of an epoch or nothing.
    """
    if len(values) == 1:
        [value] = values.values()
        storage.set_trial_intermediate_value(trial_id, epoch, value)
    else:
        numbers = {name: value if math.isfinite(value) else None for name, value in values.items()}
        storage.set_trial_user_attr(trial_id, f"{EPOCH}{epoch:06d}", numbers)


def history_of(trial: FrozenTrial, goals: Sequence[Goal]) -> dict[str, dict[int, float]]:
    """The values by metric and epoch. With several goals, one that was not finite is NaN."""
    if len(goals) == 1:
        return {goals[0].metric: dict(trial.intermediate_values)}
    history: dict[str, dict[int, float]] = {goal.metric: {} for goal in goals}
    for name, values in trial.user_attrs.items():
        if name.startswith(EPOCH):
            for metric, value in values.items():
                history[metric][int(name.removeprefix(EPOCH))] = math.nan if value is None else value
    return history


def last_epoch(trial: FrozenTrial) -> int:
    """The last epoch that the study knows of the trial; 0 before the first."""
    attributes = (name for name in trial.user_attrs if name.startswith(EPOCH))
    return max(
        [*trial.intermediate_values, *(int(name.removeprefix(EPOCH)) for name in attributes)], default=0
    )
