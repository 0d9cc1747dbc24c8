"""Compares the best trials by their repeats with other seeds: means, standard errors, a paired test."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean, stdev

from platform.tracking.records import TrialRecord
from platform.tuning.goals import Goal, Statistic, figure, gains, reached
from platform.tuning.pareto import front
from reports.ranking.paired_bootstrap import bootstrap_interval
from reports.ranking.rank import number


@dataclass(frozen=True)
class Finalist:
    """A trial and its finished repeats; ``values`` of the first goal by the repeat's number, from 1.

    ``failed``: how many repeats failed; ``others``: the repeats' values of further goals, by metric.
    """

    trial: str
    values: dict[int, float]
    failed: int
    others: dict[str, list[float]] = field(default_factory=dict)

    @property
    def mean(self) -> float:
        return fmean(self.values.values())

    @property
    def standard_error(self) -> float:
        return standard_error_of_mean(list(self.values.values()))

    def __str__(self) -> str:
        return f"{number(self.mean)} ± {number(self.standard_error)}"

    def of_goal(self, metric: str) -> str:
        """Mean ± standard error of a further goal, as text."""
        values = self.others[metric]
        mean = fmean(values)
        return f"{figure(mean)} ± {figure(standard_error_of_mean(values), mean)}"


@dataclass(frozen=True)
class Comparison:
    """The mean difference of two finalists over ``pairs`` of repeats, above 0 if ``first`` is better.

    ``low`` and ``high``: its 95% interval.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    pairs: int

    @property
    def is_tie(self) -> bool:
        return self.low <= 0 <= self.high


@dataclass(frozen=True)
class Confirmation:
    """``finalists``, the best mean first; ``comparison`` of the first two, None with fewer than two pairs.

    ``front``: if there are several ``goals``, the finalists that no other beats in every mean.
    """

    finalists: list[Finalist]
    comparison: Comparison | None
    goals: tuple[Goal, ...] = ()
    front: tuple[str, ...] = ()

    def sentences(self, metric: str) -> list[str]:
        """The result of the repeats in sentences."""
        best = self.finalists[0]
        seeds = f"{len(best.values)} other seed{'s' * (len(best.values) > 1)}"
        lines = [f"With {seeds}, trial {best.trial} has {metric} {best} (mean ± standard error)."]
        lines += self._about_front()
        if (two := self.comparison) is None:
            return lines
        interval = f"{two.difference:+.4f}, 95% interval {two.low:+.4f} to {two.high:+.4f}"
        how = f"paired bootstrap over {two.pairs} seeds"
        if two.is_tie:
            lines.append(f"It is a tie with trial {two.second}: better by {interval} ({how}).")
        else:
            lines.append(f"It is better than trial {two.second} by {interval} ({how}).")
        return lines

    @property
    def beside(self) -> tuple[str, ...]:
        """The metrics of further goals."""
        return tuple(goal.metric for goal in self.goals[1:])

    def _about_front(self) -> list[str]:
        if not self.front:
            return []
        beaten = [one.trial for one in self.finalists if one.trial not in self.front]
        text = f"By their means over other seeds no finalist beats {', '.join(self.front)} in every goal"
        return [
            text
            + (
                f"; {', '.join(beaten)} are beaten."
                if beaten[1:]
                else f"; {beaten[0]} is beaten."
                if beaten
                else "."
            )
        ]


def confirmation(
    trials: Sequence[TrialRecord], goals: Sequence[Goal], statistic: Statistic
) -> Confirmation | None:
    """Compare finalists by ``trials``, their repeats; None while no repeat has finished.

    Finalists are ordered by their mean of the first goal.
    """
    by_trial: dict[str, dict[int, tuple[float, ...]]] = {}
    for one in trials:
        history = {name: dict(points) for name, points in one.history.items()}
        values = reached(history, goals, statistic)
        if one.outcome == "finished" and all(map(math.isfinite, values)):
            nth = int(one.trial_id.rpartition("-")[2])
            by_trial.setdefault(str(one.confirms), {})[nth] = values
    failed = [str(trial.confirms) for trial in trials if trial.outcome == "failed"]
    finalists = [
        Finalist(
            trial,
            {nth: values[0] for nth, values in found.items()},
            failed.count(trial),
            {goal.metric: [v[at] for v in found.values()] for at, goal in enumerate(goals) if at},
        )
        for trial, found in sorted(by_trial.items())
    ]
    sign = goals[0].sign
    finalists.sort(key=lambda one: -sign * one.mean)
    if not finalists:
        return None
    compared = _compare(finalists[0], finalists[1], sign) if finalists[1:] else None
    return Confirmation(finalists, compared, tuple(goals), _front(finalists, goals) if goals[1:] else ())


def _front(finalists: Sequence[Finalist], goals: Sequence[Goal]) -> tuple[str, ...]:
    means = [(one.mean, *(fmean(one.others[goal.metric]) for goal in goals[1:])) for one in finalists]
    on_front = front([gains(each, goals) for each in means])
    return tuple(one.trial for one, is_there in zip(finalists, on_front, strict=True) if is_there)


def standard_error_of_mean(values: Sequence[float]) -> float:
    """s / sqrt(n) over n seeds; NaN for a single one."""
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 else math.nan


def _compare(first: Finalist, second: Finalist, sign: int) -> Comparison | None:
    common = sorted(first.values.keys() & second.values.keys())
    if len(common) < 2:
        return None
    differences = [sign * (first.values[nth] - second.values[nth]) for nth in common]
    low, high = bootstrap_interval(differences)
    return Comparison(first.trial, second.trial, fmean(differences), low, high, len(common))
