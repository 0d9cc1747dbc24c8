"""Whether the best trials are as good with other seeds, and whether the best is better than the second."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

from platform.tracking.records import TrialRecord
from platform.tuning.statistic import Statistic
from reports.paired import bootstrap_interval
from reports.rank import Mode, number, rank_trials


@dataclass(frozen=True)
class Finalist:
    """A trial and its repeats that ran to their end; ``values`` by the repeat's place, from 1."""

    trial: str
    values: dict[int, float]
    failed: int

    @property
    def mean(self) -> float:
        return fmean(self.values.values())

    @property
    def standard_error(self) -> float:
        """s / sqrt(n) over seeds; NaN of a single one."""
        count = len(self.values)
        return stdev(self.values.values()) / math.sqrt(count) if count > 1 else math.nan

    def __str__(self) -> str:
        return f"{number(self.mean)} ± {number(self.standard_error)}"


@dataclass(frozen=True)
class Comparison:
    """How much better ``first`` is than ``second``, above 0 for better; ``pairs`` of the same repeat."""

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
    """``finalists``: the best mean first; ``comparison``: of the first two, None without two pairs."""

    finalists: list[Finalist]
    comparison: Comparison | None

    def sentences(self, metric: str) -> list[str]:
        """What the other seeds say, in words."""
        best = self.finalists[0]
        seeds = f"{len(best.values)} other seed{'s' * (len(best.values) > 1)}"
        said = [f"With {seeds}, trial {best.trial} has {metric} {best} (mean ± standard error)."]
        if (two := self.comparison) is None:
            return said
        interval = f"{two.difference:+.4f}, 95 % interval {two.low:+.4f} to {two.high:+.4f}"
        how = f"paired bootstrap over {two.pairs} seeds"
        if two.is_tie:
            said.append(f"It is a tie with trial {two.second}: better by {interval} ({how}).")
        else:
            said.append(f"It is better than trial {two.second} by {interval} ({how}).")
        return said


def confirmation(
    trials: Sequence[TrialRecord], metric: str, mode: Mode, statistic: Statistic
) -> Confirmation | None:
    """Of ``trials``, the repeats of the finalists; None while none has run to its end."""
    ended = [trial for trial in trials if trial.outcome == "finished"]
    values: dict[str, dict[int, float]] = {}
    for one in rank_trials(ended, metric, mode, statistic):
        of, value = str(one.trial.confirms), one.value(statistic)
        if math.isfinite(value):
            values.setdefault(of, {})[int(one.trial.trial_id.rpartition("-")[2])] = value
    sign = 1 if mode == "max" else -1
    failed = [str(trial.confirms) for trial in trials if trial.outcome == "failed"]
    finalists = [Finalist(trial, found, failed.count(trial)) for trial, found in sorted(values.items())]
    finalists.sort(key=lambda one: -sign * one.mean)
    if not finalists:
        return None
    return Confirmation(finalists, _compare(finalists[0], finalists[1], sign) if finalists[1:] else None)


def _compare(first: Finalist, second: Finalist, sign: int) -> Comparison | None:
    common = sorted(first.values.keys() & second.values.keys())
    if len(common) < 2:
        return None
    differences = [sign * (first.values[nth] - second.values[nth]) for nth in common]
    low, high = bootstrap_interval(differences)
    return Comparison(first.trial, second.trial, fmean(differences), low, high, len(common))
