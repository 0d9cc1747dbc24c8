"""Ranks a sweep's trials by the selection metric."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from platform.tracking.records import TrialRecord
from platform.tuning.goals import Statistic

Mode = Literal["max", "min"]
_LAST_EPOCHS = 3


@dataclass(frozen=True)
class RankedTrial:
    """A trial's rank and its values of the metric; ``last`` is NaN if the last epoch's value is."""

    rank: int
    trial: TrialRecord
    best: float
    best_epoch: int
    last: float
    mean_of_last_3: float
    epochs: int

    def value(self, statistic: Statistic) -> float:
        return {"best": self.best, "last": self.last, "mean_last_3": self.mean_of_last_3}[statistic]


def rank_trials(
    trials: Sequence[TrialRecord], metric: str, mode: Mode, statistic: Statistic = "best"
) -> list[RankedTrial]:
    """Rank every trial that reported ``metric`` and did not fail, the best first; ties by time of start.

    Pruned and interrupted trials are ranked by the epochs they did. Trials that do not fit a changed space
    any more are not ranked.
    """
    measured = [
        measured_trial
        for trial in trials
        if trial.outcome != "failed"
        and trial.left_out is None
        and (measured_trial := _measure(trial, metric, mode)) is not None
    ]
    sign = -1 if mode == "max" else 1
    measured.sort(key=lambda one: _key(sign * one.value(statistic)))
    return [
        RankedTrial(place, one.trial, one.best, one.best_epoch, one.last, one.mean_of_last_3, one.epochs)
        for place, one in enumerate(measured, start=1)
    ]


def table_rows(
    ranking: Sequence[RankedTrial], metric: str, top: int | None = None, *, of_several_sweeps: bool = False
) -> list[dict[str, str]]:
    """The best ``top`` trials as text, a dict of column to cell for each, for a table on the terminal.

    ``of_several_sweeps``: show method and backbone instead of the searched parameters.
    """
    names = [] if of_several_sweeps else searched_names(ranking)
    return [
        {
            "#": str(one.rank),
            "trial": one.trial.trial_id,
            **(method_and_backbone(one.trial) if of_several_sweeps else {}),
            metric: number(one.best),
            "last": number(one.last),
            "mean of last 3": number(one.mean_of_last_3),
            "epochs": str(one.epochs),
            "outcome": ending(one.trial),
            **{name: parameter(one.trial.searched.get(name, "")) for name in names},
        }
        for one in ranking[:top]
    ]


def method_and_backbone(trial: TrialRecord) -> dict[str, str]:
    """Their names, "" if the trial's config has none."""
    return {"method": _at(trial.config, "method", "name"), "backbone": _at(trial.config, "model", "backbone")}


def ending(trial: TrialRecord) -> str:
    """How a trial ended, and the earlier trial that it was reused from."""
    return f"{trial.outcome}, reused from {trial.reused_from}" if trial.reused_from else trial.outcome


def searched_names(ranking: Sequence[RankedTrial]) -> list[str]:
    """The searched parameters of these trials, in alphabetical order."""
    return sorted({name for one in ranking for name in one.trial.searched})


def better(value: float, than: float, mode: Mode) -> bool:
    """Whether ``value`` is strictly better; NaN never is."""
    return value > than if mode == "max" else value < than


def number(value: float) -> str:
    """A metric as tables show it."""
    return f"{value:.4f}" if math.isfinite(value) else str(value)


def parameter(value: object) -> str:
    """A parameter as tables show it: short numbers, null and true as in the YAML."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _measure(trial: TrialRecord, metric: str, mode: Mode) -> RankedTrial | None:
    points = trial.history.get(metric, [])
    finite = [(epoch, value) for epoch, value in points if math.isfinite(value)]
    if not finite:
        return None
    sign = -1 if mode == "max" else 1
    # The last of equal epochs: Tune keeps its checkpoint.
    best_epoch, best = min(finite, key=lambda point: (sign * point[1], -point[0]))
    last = [value for _, value in points[-_LAST_EPOCHS:]]
    return RankedTrial(0, trial, best, best_epoch, last[-1], sum(last) / len(last), points[-1][0])


def _at(config: dict[str, object], section: str, key: str) -> str:
    part = config.get(section)
    return str(part.get(key, "")) if isinstance(part, dict) else ""


def _key(signed: float) -> tuple[bool, float]:
    return (math.isnan(signed), signed)
