"""The goals of a search, one metric or several, and the value of each that a trial has reached."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any, Final, Literal

Direction = Literal["max", "min"]
Statistic = Literal["best", "last", "mean_last_3"]
"""The epochs that decide a trial's value: its best, its last, or the mean of its last three."""

CLASSIFICATION: Final = ("val/accuracy", "val/macro_accuracy", "val/loss", "val/ece")
RETRIEVAL: Final = ("val/recall_at_1", "val/rank_5", "val/rank_10", "val/map")
METRICS: Final = (*CLASSIFICATION, *RETRIEVAL)
"""Metrics that may select alone or be the first of several goals, for data with classes or identities."""
SHOTS: Final = ("val/many_shot", "val/medium_shot", "val/few_shot")
COSTS: Final = ("time/images_per_s", "time/epoch_s", "model/parameters", "system/gpu_memory_megabytes")
"""Costs of a whole trial, whereas a validation metric belongs to one of its checkpoints."""
FURTHER: Final = (*SHOTS, *COSTS)
"""Metrics that may be a goal after the first."""
LOWER_IS_BETTER: Final = ("val/loss", "val/ece", *COSTS[1:])

History = Mapping[str, Mapping[int, float]]
"""A trial's metrics: values by name, then by epoch."""


@dataclass(frozen=True)
class Goal:
    metric: str
    direction: Direction

    def __str__(self) -> str:
        return f"{self.metric} ({self.direction})"

    @property
    def sign(self) -> int:
        """1 if a higher value is better, else -1."""
        return 1 if self.direction == "max" else -1

    @property
    def is_cost(self) -> bool:
        return self.metric in COSTS


def natural_direction(metric: str) -> Direction:
    return "min" if metric in LOWER_IS_BETTER else "max"


def check_metrics(metric: Any) -> None:
    """Check a value of search.metric: one metric, a list, or a mapping of metrics to directions.

    Raises ValueError with a message of one line.
    """
    if isinstance(metric, str):
        _check_metric(metric, METRICS)
        return
    if not isinstance(metric, list | tuple | dict) or not all(isinstance(name, str) for name in metric):
        raise ValueError(f"must be a metric, a list of metrics, or {{metric: max or min, …}}, got {metric!r}")
    if len(set(metric)) < max(2, len(metric)):
        raise ValueError(f"several goals must be two or more different metrics, got {list(metric)!r}")
    for place, name in enumerate(metric):
        _check_metric(name, (*METRICS, *FURTHER) if place else METRICS, "" if place else "the first ")
    for name, direction in metric.items() if isinstance(metric, dict) else ():
        if direction not in ("max", "min"):
            raise ValueError(f"the direction of {name} must be max or min, got {direction!r}")


def _check_metric(metric: str, known: Sequence[str], which: str = "") -> None:
    if metric.startswith("test/"):
        raise ValueError(
            f"the test split never selects, it is scored once, for the finalists: use one of "
            f"{', '.join(known)}, got {metric!r}"
        )
    if metric.startswith("val/clean"):
        raise ValueError(
            f"clean labels never select by themselves: if the validation split has clean labels, set "
            f"data.val_label: clean and select on val/accuracy, got {metric!r}"
        )
    if metric not in known:
        raise ValueError(f"{which}must be one of {', '.join(known)}, got {metric!r}")


def decisive_epochs(values: Mapping[int, float], statistic: Statistic, direction: Direction) -> list[int]:
    """The epochs, of those with a value, that decide a trial's value.

    Of equally good epochs the last decides, as its checkpoint is kept.
    """
    epochs = sorted(values)
    if statistic == "mean_last_3":
        return epochs[-3:]
    if statistic == "last":
        return epochs[-1:]
    sign = 1 if direction == "max" else -1
    finite = [epoch for epoch in epochs if math.isfinite(values[epoch])]
    return [max(finite, key=lambda epoch: (sign * values[epoch], epoch))] if finite else []


def value_of(values: Sequence[float], statistic: Statistic, direction: Direction) -> float:
    """A trial's value, given the values of its epochs in order; may be NaN or infinite."""
    decisive = decisive_epochs(dict(enumerate(values)), statistic, direction)
    return sum(values[place] for place in decisive) / len(decisive) if decisive else math.nan


def reached(history: History, goals: Sequence[Goal], statistic: Statistic) -> tuple[float, ...]:
    """The value that a trial has reached of each goal; NaN if unknown.

    ``statistic`` picks epochs by the first goal. The other validation metrics are taken from the same epochs
    (averaged over several), so that all values belong to the same checkpoint. A cost is the median over all
    epochs, as that of a single epoch depends on what else ran on the machine.
    """
    first = goals[0]
    decisive = decisive_epochs(history.get(first.metric, {}), statistic, first.direction)
    values = []
    for goal in goals:
        known = history.get(goal.metric, {})
        if goal.is_cost:
            finite = [value for value in known.values() if math.isfinite(value)]
            values.append(median(finite) if finite else math.nan)
        else:
            values.append(fmean(known.get(epoch, math.nan) for epoch in decisive) if decisive else math.nan)
    return tuple(values)


def gains(values: Sequence[float], goals: Sequence[Goal]) -> tuple[float, ...]:
    """The values, negated where lower is better, so that higher is better in each."""
    return tuple(goal.sign * value for goal, value in zip(goals, values, strict=True))


def figure(value: float, like: float | None = None) -> str:
    """A goal's value for tables: four decimals below 10, fewer above; as many as ``like`` would have."""
    if not math.isfinite(value):
        return str(value)
    size = abs(value if like is None else like)
    return f"{value:.{4 if size < 10 else 1 if size < 1000 else 0}f}"
