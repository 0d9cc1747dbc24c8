"""A running sweep's progress: a live table on a terminal or in a notebook, else a line a trial that ended."""

import os
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.experiment import Trial
from rich.console import Console, Group
from rich.live import Live

from platform.tuning.names import trial_name
from platform.tuning.search.past_trials import REUSED, PastTrial
from platform.tuning.stopping.budget import Account
from platform.tuning.stopping.interrupt import Interrupt
from platform.tuning.terminal import console_of
from platform.tuning.trial.failure import cause_line
from platform.tuning.trial.outcome import FAILURE, Outcome, outcome_of
from platform.tuning.trial.pulse import forget_pulses, read_pulse
from platform.tuning.trial.trainable import trial_of
from platform.tuning.watching.live_table import live_table
from platform.tuning.watching.notebook import HEIGHT, WIDTH, NotebookTable, notebook_table
from platform.tuning.watching.sweep_table import SweepTable, TrialRow, past_row, short
from platform.tuning.watching.warning_signs import WarningSigns

LOOK_EVERY_S = 1.0


class ProgressCallback(tune.Callback):
    """Prints a sweep's progress and its warnings while Tune runs.

    Args:
        past: Trials of a resumed sweep that ended in earlier processes.
        other_goals: The metrics of all goals but the first.
        logs: The sweep's folder of logs, where trials say how far their epoch is.
        interrupt: Whether the sweep was asked to stop.
        at_once: How many trials run at once.
    """

    def __init__(
        self,
        metric: str,
        mode: str,
        planned: int,
        past: Iterable[PastTrial] = (),
        account: Account | None = None,
        other_goals: Sequence[str] = (),
        logs: Path | None = None,
        interrupt: Interrupt | None = None,
        at_once: int = 1,
    ) -> None:
        self.table = SweepTable(metric, mode, planned, account=account, other_goals=other_goals)
        self.table.trials = {one.number: past_row(one, mode) for one in past}
        self.table.ended_before = len(self.table.trials)
        self.warning_signs = WarningSigns(metric, mode)
        self.last_look = 0.0
        self.logs = logs
        self.interrupt = interrupt
        self.at_once = at_once
        self.console: Console | None = None
        self.live: Live | None = None
        self.notebook: NotebookTable | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Without the terminal: Tune saves its callbacks, and a terminal cannot be saved."""
        return {**self.__dict__, "console": None, "live": None, "notebook": None, "interrupt": None}

    def setup(self, *args: Any, **info: Any) -> None:
        self.table.started = time.monotonic()
        self.console = console_of(sys.stdout, is_plain=False)
        if self.logs is not None:
            forget_pulses(self.logs)
        if self.interrupt is not None:
            self.interrupt.on_stop = self._say_stopping
        self.notebook = notebook_table()
        if self.console.is_terminal:
            self.live = Live(
                console=self.console, get_renderable=self._render, refresh_per_second=4, transient=True
            )
            self.live.start()

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        now = time.monotonic()
        if now - self.last_look > LOOK_EVERY_S:
            self.last_look = now
            for trial in trials:
                if trial.status == Trial.PENDING:
                    self.warning_signs.waiting(trial.config["number"], now)
            self._mark_unstarted(trials)
            self._take_pulses(now)
            self._say(self.warning_signs.of_time(now))
            self._show_in_notebook()

    def _mark_unstarted(self, trials: list[Trial]) -> None:
        """Trials start in their order while there is room; the others, and those that are paused, wait."""
        room = self.at_once - sum(trial.status == Trial.RUNNING for trial in trials)
        for trial in trials:
            if trial.status in (Trial.PENDING, Trial.PAUSED):
                starts = trial.status == Trial.PENDING and room > 0
                room -= starts
                self._trial(trial).outcome = "starting" if starts else "waiting"

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        row = self._trial(trial)
        row.outcome, row.started = "starting", row.started or time.monotonic()
        self.warning_signs.started(trial.config["number"], time.monotonic())

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        row = self._trial(trial)
        row.outcome = "running"
        if FAILURE in result or result["epoch"] <= row.epoch:  # an epoch reported again
            return
        row.epoch = result["epoch"]
        other_goals = {name: result[name] for name in self.table.other_goals if name in result}
        row.add(result[self.table.metric], self.table.mode, other_goals)
        row.images_per_s = result.get("time/images_per_s", 0.0)
        self._say(self.warning_signs.of_result(row.number, result, time.monotonic()))

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
        self._show_in_notebook()
        if self.logs is not None:
            forget_pulses(self.logs)

    def _trial(self, trial: Trial) -> TrialRow:
        number = trial.config["number"]
        if number not in self.table.trials:
            config = trial.config
            self.table.trials[number] = TrialRow(number, config["parameters"], trial_of(config).total_epochs)
        self.table.trials[number].reused = trial.config.get(REUSED)
        return self.table.trials[number]

    def _end(self, trial: Trial, outcome: Outcome) -> None:
        row = self._trial(trial)
        row.outcome, row.ended = outcome, time.monotonic()
        self.warning_signs.ended(row.number)
        if not self._has_table or outcome == "failed":
            self._say([self._line(row)])

    def _say(self, lines: Iterable[str]) -> None:
        if self.console is not None:
            for line in lines:
                self.console.print(line, soft_wrap=True, highlight=False, markup=False)

    def _line(self, row: TrialRow) -> str:
        if row.outcome == "failed":
            what = f"failed: {row.cause}"
        else:
            what = f"{row.outcome}: {self.table.reached(row)}, {row.epoch}/{row.epochs} epochs"
            what += f", reused from {row.reused}" if row.reused else ""
        words = ", ".join(f"{name}={short(value)}" for name, value in row.parameters.items())
        parameters = f" ({words})" if row.parameters else ""
        done = f"[{len(self.table.ended())}/{self.table.planned}]"
        return f"{done} trial {trial_name(row.number)} {what}{parameters}"

    @property
    def _has_table(self) -> bool:
        return self.live is not None or self.notebook is not None

    def _show_in_notebook(self) -> None:
        if self.notebook is not None:
            self.notebook.show(self._draw(WIDTH, HEIGHT))

    def _render(self) -> Group:
        """The live table now; the thread that redraws it calls this."""
        size = self.console.size if self.console is not None else Console().size
        return self._draw(size.width, size.height)

    def _draw(self, width: int, height: int) -> Group:
        stopping = self.table.stopping() if self.interrupt is not None and self.interrupt.is_set else None
        return live_table(self.table, time.monotonic(), width, height, stopping)

    def _say_stopping(self) -> None:
        """Say at once, from the handler of a signal, what is waited for; the live table says it by itself."""
        if not self._has_table:
            os.write(sys.stderr.fileno(), f"{self.table.stopping()}\n".encode())

    def _take_pulses(self, now: float) -> None:
        if self.logs is None:
            return
        for row in self.table.open():
            pulse = read_pulse(self.logs, trial_name(row.number))
            if pulse is not None and pulse.epoch > row.epoch and pulse != row.pulse:
                row.pulse = pulse
                row.outcome = "running"
                self.warning_signs.alive(row.number, now)
