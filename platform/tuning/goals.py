"""What a search looks for, one metric or several, and what a trial has reached of each."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any, Final

from platform.tuning.statistic import Direction, Statistic, decisive_epochs

CLASSIFICATION: Final = ("val/accuracy", "val/macro_accuracy", "val/loss", "val/ece")
RETRIEVAL: Final = ("val/recall_at_1", "val/rank_5", "val/rank_10", "val/map")
METRICS: Final = (*CLASSIFICATION, *RETRIEVAL)
"""What may select by itself, or be the first of several goals: of data with classes, and with identities."""
SHOTS: Final = ("val/many_shot", "val/medium_shot", "val/few_shot")
COSTS: Final = ("time/images_per_s", "time/epoch_s", "model/parameters", "system/gpu_memory_megabytes")
"""What a trial costs: of the trial, where a metric of validation is of one of its checkpoints."""
FURTHER: Final = (*SHOTS, *COSTS)
"""What may be a goal beside the first."""
LOWER_IS_BETTER: Final = ("val/loss", "val/ece", *COSTS[1:])

History = Mapping[str, Mapping[int, float]]
"""A trial's metrics: name to epoch to value."""


@dataclass(frozen=True)
class Goal:
    metric: str
    direction: Direction

    def __str__(self) -> str:
        return f"{self.metric} ({self.direction})"

    @property
    def sign(self) -> int:
        """What makes more of it better."""
        return 1 if self.direction == "max" else -1

    @property
    def is_cost(self) -> bool:
        return self.metric in COSTS


def natural_direction(metric: str) -> Direction:
    return "min" if metric in LOWER_IS_BETTER else "max"


def check_metrics(metric: Any) -> None:
    """Whether that may be search.metric: a metric, several in a list, or several with their directions.

    Raises ValueError, in one line.
    """
    if isinstance(metric, str):
        _check_metric(metric, METRICS)
        return
    if not isinstance(metric, list | tuple | dict) or not all(isinstance(name, str) for name in metric):
        raise ValueError(f"must be a metric, a list of metrics, or {{metric: max or min, …}}, got {metric!r}")
    if len(set(metric)) < max(2, len(metric)):
        raise ValueError(f"several goals are two metrics or more, each once, got {list(metric)!r}")
    for place, name in enumerate(metric):
        _check_metric(name, (*METRICS, *FURTHER) if place else METRICS, "" if place else "the first ")
    for name, direction in metric.items() if isinstance(metric, dict) else ():
        if direction not in ("max", "min"):
            raise ValueError(f"the direction of {name} must be max or min, got {direction!r}")


def _check_metric(metric: str, known: Sequence[str], which: str = "") -> None:
    if metric.startswith("test/"):
        raise ValueError(
            f"the test split never selects, it is scored once for the finalists: use one of "
            f"{', '.join(known)}, got {metric!r}"
        )
    if metric.startswith("val/clean"):
        raise ValueError(
            f"clean labels never select by themselves: where there is a clean validation split, say "
            f"data.val_label: clean and select on val/accuracy, got {metric!r}"
        )
    if metric not in known:
        raise ValueError(f"{which}must be one of {', '.join(known)}, got {metric!r}")


def reached(history: History, goals: Sequence[Goal], statistic: Statistic) -> tuple[float, ...]:
    """What a trial has reached of each goal; NaN where that is not known.

    ``statistic`` picks epochs by the first goal, and the other metrics of validation are those of the same
    epochs (of several, their means): what is told together was true together, of one checkpoint. A cost is
    the median of all the trial's epochs: no checkpoint's, and one epoch's is what else ran on the machine.
    """
    first = goals[0]
    decisive = decisive_epochs(history.get(first.metric, {}), statistic, first.direction)
    found = []
    for goal in goals:
        known = history.get(goal.metric, {})
        if goal.is_cost:
            finite = [value for value in known.values() if math.isfinite(value)]
            found.append(median(finite) if finite else math.nan)
        else:
            found.append(fmean(known.get(epoch, math.nan) for epoch in decisive) if decisive else math.nan)
    return tuple(found)


def gains(values: Sequence[float], goals: Sequence[Goal]) -> tuple[float, ...]:
    """The same, such that more is better in each."""
    return tuple(goal.sign * value for goal, value in zip(goals, values, strict=True))


def figure(value: float, like: float | None = None) -> str:
    """A goal's value for tables: four decimals of a share, fewer of more, or as many as of ``like``."""
    if not math.isfinite(value):
        return str(value)
    size = abs(value if like is None else like)
    return f"{value:.{4 if size < 10 else 1 if size < 1000 else 0}f}"
