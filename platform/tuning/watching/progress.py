"""What a sweep shows while it runs: a live table on a terminal, else one line per finished trial."""

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from ray import tune
from ray.tune.experiment import Trial
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from platform.tuning.stopping.budget import Account
from platform.tuning.terminal import duration
from platform.tuning.failure import cause_line
from platform.tuning.goals import figure
from platform.tuning.names import trial_name
from platform.tuning.trial.outcome import FAILURE, Outcome, outcome_of
from platform.tuning.search.past_trials import REUSED, PastTrial
from platform.tuning.watching.warning_signs import Signs
from platform.tuning.trial.trainable import trial_of

SHOWN_ROWS = 12
LOOK_EVERY_S = 1.0


@dataclass
class TrialView:
    """What is shown of one trial; ``best`` and ``last`` are the (first) goal's values.

    ``beside``: the other goals' values in the epoch of the best, by metric.
    """

    number: int
    parameters: dict[str, Any]
    epochs: int
    outcome: Outcome | Literal["running"] = "running"
    epoch: int = 0
    best: float | None = None
    last: float | None = None
    images_per_s: float = 0.0
    cause: str = ""
    beside: dict[str, float] = field(default_factory=dict)
    reused: str | None = None

    def add(self, value: float, mode: str, beside: Mapping[str, float] = MappingProxyType({})) -> None:
        """An epoch's value; of equally good ones the last is the best, as its checkpoint is kept."""
        if self.best is None or (value >= self.best if mode == "max" else value <= self.best):
            self.best, self.beside = value, dict(beside)
        self.last = value


@dataclass
class SweepView:
    """Everything the table is drawn from."""

    metric: str
    mode: str
    planned: int
    trials: dict[int, TrialView] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)
    ended_before: int = 0
    account: Account | None = None
    beside: Sequence[str] = ()

    def ended(self) -> list[TrialView]:
        return [trial for trial in self.trials.values() if trial.outcome != "running"]

    def best(self) -> TrialView | None:
        return max(self.trials.values(), key=self.goodness, default=None)

    def goodness(self, trial: TrialView) -> float:
        """The more, the better; a trial without a value is the worst."""
        if trial.best is None:
            return float("-inf")
        return trial.best if self.mode == "max" else -trial.best

    def reached(self, trial: TrialView) -> str:
        """ "val/accuracy 0.8123, val/few_shot 0.4512"."""
        others = [f"{name} {_number(trial.beside.get(name))}" for name in self.beside]
        return ", ".join([f"{self.metric} {_number(trial.best)}", *others])

    def seconds_left(self) -> float | None:
        """Remaining trials at the pace of this process so far; None until one has ended in it."""
        ended = len(self.ended())
        if ended == self.ended_before:
            return None
        pace = (time.monotonic() - self.started) / (ended - self.ended_before)
        return pace * (self.planned - ended)

    def summary(self) -> str:
        counts = {
            outcome: sum(trial.outcome == outcome for trial in self.trials.values())
            for outcome in ("finished", "pruned", "failed", "running")
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


class ProgressCallback(tune.Callback):
    """Keeps a :class:`SweepView` and shows it, ``past`` trials of a resumed sweep among them.

    ``beside``: the metrics of further goals.
    """

    def __init__(
        self,
        metric: str,
        mode: str,
        planned: int,
        past: Iterable[PastTrial] = (),
        account: Account | None = None,
        beside: Sequence[str] = (),
    ) -> None:
        self.view = SweepView(metric, mode, planned, account=account, beside=beside)
        self.view.trials = {one.number: _past_view(one, mode) for one in past}
        self.view.ended_before = len(self.view.trials)
        self.signs = Signs(metric, mode)
        self.looked = 0.0
        self.console: Console | None = None
        self.live: Live | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Tune saves its callbacks; a terminal cannot be saved."""
        return {**self.__dict__, "console": None, "live": None}

    def setup(self, *args: Any, **info: Any) -> None:
        self.view.started = time.monotonic()
        self.console = Console(file=sys.stdout)
        if self.console.is_terminal:
            self.live = Live(
                console=self.console, get_renderable=self._render, refresh_per_second=4, transient=True
            )
            self.live.start()

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        now = time.monotonic()
        if now - self.looked > LOOK_EVERY_S:
            self.looked = now
            for trial in trials:
                if trial.status == Trial.PENDING:
                    self.signs.waiting(trial.config["number"], now)
            self._say(self.signs.of_time(now))

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._trial(trial).outcome = "running"
        self.signs.started(trial.config["number"], time.monotonic())

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        view = self._trial(trial)
        if FAILURE in result or result["epoch"] <= view.epoch:  # told again, by a process that was replaced
            return
        view.epoch = result["epoch"]
        beside = {name: result[name] for name in self.view.beside if name in result}
        view.add(result[self.view.metric], self.view.mode, beside)
        view.images_per_s = result.get("time/images_per_s", 0.0)
        self._say(self.signs.of_result(view.number, result, time.monotonic()))

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._trial(trial).cause = trial.last_result.get(FAILURE, "").partition("\n")[0]
        self._end(trial, outcome_of(trial.last_result))

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self._trial(trial).cause = cause_line(trial)
        self._end(trial, "failed")

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        if self.live is not None:
            self.live.stop()
            self.live = None

    def _trial(self, trial: Trial) -> TrialView:
        number = trial.config["number"]
        if number not in self.view.trials:
            config = trial.config
            self.view.trials[number] = TrialView(number, config["parameters"], trial_of(config).total_epochs)
        self.view.trials[number].reused = trial.config.get(REUSED)
        return self.view.trials[number]

    def _end(self, trial: Trial, outcome: Outcome) -> None:
        view = self._trial(trial)
        view.outcome = outcome
        self.signs.ended(view.number)
        if self.live is None or outcome == "failed":
            self._say([self._line(view)])

    def _say(self, lines: Iterable[str]) -> None:
        if self.console is not None:
            for line in lines:
                self.console.print(line, soft_wrap=True, highlight=False, markup=False)

    def _line(self, view: TrialView) -> str:
        if view.outcome == "failed":
            what = f"failed: {view.cause}"
        else:
            what = f"{view.outcome}: {self.view.reached(view)}, {view.epoch}/{view.epochs} epochs"
            what += f", reused from {view.reused}" if view.reused else ""
        parameters = f" ({_words(view.parameters)})" if view.parameters else ""
        done = f"[{len(self.view.ended())}/{self.view.planned}]"
        return f"{done} trial {trial_name(view.number)} {what}{parameters}"

    def _render(self) -> Group:
        table = Table(box=None, pad_edge=False)
        for heading in (
            *("trial", "state", "epoch", f"best {self.view.metric}", "last"),
            *self.view.beside,
            "images/s",
        ):
            table.add_column(heading, justify="left" if heading in ("trial", "state") else "right")
        table.add_column("parameters", overflow="ellipsis", no_wrap=True, ratio=1)
        for view in self._shown():
            table.add_row(
                trial_name(view.number),
                Text(view.outcome, style={"failed": "red", "running": "cyan"}.get(view.outcome, "")),
                f"{view.epoch}/{view.epochs}",
                _number(view.best),
                _number(view.last),
                *(_number(view.beside.get(name)) for name in self.view.beside),
                f"{view.images_per_s:,.0f}",
                _words(view.parameters),
            )
        return Group(table, Text(self.view.summary(), style="bold"))

    def _shown(self) -> Iterable[TrialView]:
        """The running ones, then the best of the ended ones."""
        running = [trial for trial in self.view.trials.values() if trial.outcome == "running"]
        ended = sorted(self.view.ended(), key=self.view.goodness, reverse=True)
        return [*running, *ended][:SHOWN_ROWS]


def _past_view(trial: PastTrial, mode: str) -> TrialView:
    view = TrialView(trial.number, trial.parameters, trial.epochs, trial.outcome, reused=trial.reused)
    for epoch, value in sorted(trial.values.items()):
        view.epoch = epoch
        beside = {name: values[epoch] for name, values in trial.others.items() if epoch in values}
        view.add(value, mode, beside)
    return view


def _number(value: float | None) -> str:
    return "–" if value is None else figure(value)


def _words(parameters: dict[str, Any]) -> str:
    return ", ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in parameters.items()
    )
