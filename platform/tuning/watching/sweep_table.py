"""What the live table and the lines of a running sweep say: one row a trial, and a summary of all."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from platform.tuning.goals import figure
from platform.tuning.names import trial_name
from platform.tuning.search.past_trials import PastTrial
from platform.tuning.stopping.budget import Account
from platform.tuning.terminal import duration
from platform.tuning.trial.outcome import Outcome
from platform.tuning.trial.pulse import Pulse

State = Outcome | Literal["waiting", "starting", "running"]
OPEN = ("waiting", "starting", "running")
"""The states of a trial that has not ended: it waits for room, its process starts, it trains."""


@dataclass
class TrialRow:
    """A trial's row in the live table. ``best`` and ``last`` are values of the first goal.

    Attributes:
        other_goals: The other goals' values in the best epoch, by metric.
        pulse: How far the running epoch is.
        started, ended: In seconds of the monotonic clock; None for trials of earlier processes.
    """

    number: int
    parameters: dict[str, Any]
    epochs: int
    outcome: State = "running"
    epoch: int = 0
    best: float | None = None
    last: float | None = None
    images_per_s: float = 0.0
    cause: str = ""
    other_goals: dict[str, float] = field(default_factory=dict)
    reused: str | None = None
    pulse: Pulse | None = None
    started: float | None = None
    ended: float | None = None

    def add(self, value: float, mode: str, other_goals: Mapping[str, float] = MappingProxyType({})) -> None:
        """Add an epoch's value; of equally good epochs the last is the best, as its checkpoint is kept."""
        if self.best is None or (value >= self.best if mode == "max" else value <= self.best):
            self.best, self.other_goals = value, dict(other_goals)
        self.last = value

    @property
    def is_open(self) -> bool:
        return self.outcome in OPEN

    @property
    def within(self) -> float | None:
        """The share of the running epoch that is done; None where it is not known."""
        known = self.outcome == "running" and self.pulse is not None and self.pulse.epoch > self.epoch
        return self.pulse.share if known and self.pulse else None

    @property
    def speed(self) -> float:
        """Training images a second: in the running epoch, else in the last."""
        return self.pulse.images_per_s if self.within is not None and self.pulse else self.images_per_s

    def elapsed(self, now: float) -> float | None:
        return None if self.started is None else (self.ended or now) - self.started


@dataclass
class SweepTable:
    """The content of the live table."""

    metric: str
    mode: str
    planned: int
    trials: dict[int, TrialRow] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    ended_before: int = 0
    account: Account | None = None
    other_goals: Sequence[str] = ()

    def all(self) -> list[TrialRow]:
        """A list of its own: the thread that draws reads it while Tune adds trials."""
        return list(self.trials.values())

    def open(self) -> list[TrialRow]:
        return [trial for trial in self.all() if trial.is_open]

    def ended(self) -> list[TrialRow]:
        return [trial for trial in self.all() if not trial.is_open]

    def best(self) -> TrialRow | None:
        return max(self.all(), key=self.goodness, default=None)

    def goodness(self, trial: TrialRow) -> float:
        """Higher is better; a trial without a value is the worst."""
        if trial.best is None:
            return float("-inf")
        return trial.best if self.mode == "max" else -trial.best

    def reached(self, trial: TrialRow) -> str:
        """ "val/accuracy 0.8123, val/few_shot 0.4512"."""
        others = [f"{name} {number(trial.other_goals.get(name))}" for name in self.other_goals]
        return ", ".join([f"{self.metric} {number(trial.best)}", *others])

    def seconds_left(self) -> float | None:
        """Time for the remaining trials at this process's pace so far; None until a trial has ended in it."""
        ended = len(self.ended())
        if ended == self.ended_before:
            return None
        pace = (time.monotonic() - self.started) / (ended - self.ended_before)
        return pace * (self.planned - ended)

    def summary(self) -> str:
        counts = {
            outcome: sum(trial.outcome == outcome for trial in self.all())
            for outcome in ("finished", "pruned", "failed", "running", "starting", "waiting")
        }
        parts = [f"{len(self.ended())}/{self.planned} trials"]
        parts += [f"{count} {outcome}" for outcome, count in counts.items() if count]
        best = self.best()
        if best is not None and best.best is not None:
            parts.append(f"best {self.reached(best)} (trial {trial_name(best.number)})")
        left = self.seconds_left()
        if left:
            parts.append(f"about {duration(left)} left")
        if self.account and (of_budget := self.account.balance.left):
            parts.append(f"budget left: {of_budget}")
        return " · ".join(parts)

    def stopping(self) -> str:
        """What a sweep that was asked to stop waits for."""
        running = [
            f"{trial_name(one.number)} (epoch {one.epoch + 1})"
            for one in self.open()
            if one.outcome != "waiting"
        ]
        if not running:
            what = "no trial is running; the report comes next"
        else:
            what = f"waiting for trial {', '.join(running)} to end, then for the report"
        return f"stopping: {what}. Press Ctrl-C again to leave at once; --resume goes on either way"


def past_row(trial: PastTrial, mode: str) -> TrialRow:
    """The row of a trial that ended in an earlier process."""
    row = TrialRow(trial.number, trial.parameters, trial.epochs, trial.outcome, reused=trial.reused)
    for epoch, value in sorted(trial.values.items()):
        row.epoch = epoch
        other_goals = {name: values[epoch] for name, values in trial.others.items() if epoch in values}
        row.add(value, mode, other_goals)
    return row


def number(value: float | None) -> str:
    return "–" if value is None else figure(value)


def short(value: object) -> str:
    """A parameter's value, a float to four digits."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
