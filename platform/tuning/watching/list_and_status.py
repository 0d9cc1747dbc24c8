"""``--list``, ``--status`` and ``--stop``: tables on the terminal, or JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from platform.config.errors import UserError
from platform.datasets.errors import listed
from platform.tuning.folder.process_lock import ask_to_stop
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.terminal import duration, print_table
from platform.tuning.watching.sweep_state import OPEN, SweepState, find_sweep, sweep_state, sweeps_in

OUTCOMES = ("finished", "pruned", "failed", "interrupted", "running")


def show_sweeps(out: Path, name: str | None, *, as_json: bool) -> None:
    """Print the sweep called ``name``, or a list of all sweeps in ``out``."""
    console = _console()
    if name is not None:
        states = [sweep_state(find_sweep(out, name))]
    else:
        states = [_state_or_problem(folder) for folder in sweeps_in(out)]
        states.sort(key=lambda state: state.started or 0.0)
    if as_json:
        print(json_of(states))
    elif name is not None:
        print_status(console, states[0])
    elif states:
        print_list(console, states)
    else:
        console.print(f"no sweep in {out}/")


def _state_or_problem(folder: SweepFolder) -> SweepState:
    """A folder that cannot be read is listed with why, beside the others."""
    try:
        return sweep_state(folder)
    except UserError as error:
        return SweepState(folder.name, str(folder.path), "unknown", problem=str(error))


def stop_sweep(out: Path, name: str) -> None:
    """Ask the process that runs the sweep to stop; it saves what each trial has done."""
    process = ask_to_stop(find_sweep(out, name))
    _console().print(f"asked {process} to stop {name}; --resume goes on from each trial's last epoch")


def _console() -> Console:
    return Console(highlight=False, soft_wrap=True, markup=False)


def print_list(console: Console, sweeps: Sequence[SweepState]) -> None:
    """Print a table with one row per sweep."""
    print_table(console, [_row(sweep) for sweep in sweeps])
    for sweep in sweeps:
        if sweep.problem:
            console.print(f"{sweep.name}: {sweep.problem}")


def print_status(console: Console, sweep: SweepState) -> None:
    """Print a sweep's progress, and a table of its running trials."""
    console.print(f"sweep {sweep.name}: {_state(sweep)}")
    if sweep.problem:
        console.print(sweep.problem)
    if sweep.state == "starting" or sweep.problem:
        return
    console.print(f"trials: {_trials(sweep)}" + "".join(f", {part}" for part in _counted(sweep)))
    for words in _besides(sweep):
        console.print(words)
    best = sweep.best
    if best is not None and best.best is not None:
        console.print(f"best: {sweep.metric} {best.best:.4f}, trial {best.trial}{_words(best.searched)}")
    if len(sweep.goals) > 1:
        console.print(
            f"goals: {', '.join(sweep.goals)}; the best is by the first goal, the report has the front"
        )
    console.print(f"epochs: {_epochs(sweep)}")
    if sweep.confirmations:
        ended = sum(trial.outcome not in OPEN for trial in sweep.confirmations)
        console.print(f"confirmations: {ended} of {len(sweep.confirmations)} started trials have ended")
    if sweep.balance and sweep.balance.left:
        console.print(f"budget left: {sweep.balance.left}")
    running = [trial for trial in [*sweep.trials, *sweep.confirmations] if trial.outcome == "running"]
    if running and sweep.state in ("running", "stopping"):
        console.print()
        print_table(
            console,
            [
                {
                    "trial": trial.trial,
                    "epoch": f"{trial.epochs}/{sweep.process.epochs_a_trial if sweep.process else '?'}",
                    f"best {sweep.metric}": _number(trial.best),
                    "last": _number(trial.last),
                    **{name: _short(value) for name, value in trial.searched.items()},
                }
                for trial in running
            ],
        )


def json_of(sweeps: Sequence[SweepState]) -> str:
    """A JSON list with one object per sweep: values unrounded, times in seconds since 1970."""
    return json.dumps([_object(sweep) for sweep in sweeps], indent=1)


def _object(sweep: SweepState) -> dict[str, Any]:
    best = sweep.best
    balance = sweep.balance
    fields = asdict(replace(sweep, balance=None))
    fields["holder"] = fields.pop("process")  # the key that programs read
    return fields | {
        "balance": balance and {"budget": balance.budget.model_dump(), "spent": asdict(balance.spent)},
        "best": best.best if best else None,
        "best_trial": best.trial if best else None,
        "trials_ended": sweep.ended,
        "trials_planned": sweep.planned,
        "outcomes": sweep.counts,
        "reused": len(sweep.reused),
        "epochs": sweep.epochs,
        "epochs_left": sweep.epochs_left,
        "seconds": sweep.seconds,
        "seconds_left": sweep.seconds_left,
    }


def _row(sweep: SweepState) -> dict[str, str]:
    best = sweep.best
    return {
        "sweep": sweep.name,
        "state": sweep.state,
        "metric": f"{sweep.metric} and {len(sweep.goals) - 1} more"
        if sweep.goals[1:]
        else sweep.metric or "–",
        "best": _number(best.best if best else None),
        "trials": _trials(sweep),
        "epochs": f"{sweep.epochs:,}",
        "trained for": duration(sweep.seconds),
        "started": _moment(sweep.started),
    }


def _state(sweep: SweepState) -> str:
    if sweep.process is None or sweep.state in ("interrupted", "finished", "failed", "unknown"):
        return sweep.state
    return f"{sweep.state} since {_moment(sweep.process.began)} ({sweep.process})"


def _trials(sweep: SweepState) -> str:
    return f"{sweep.ended}/{'?' if sweep.planned is None else sweep.planned}"


def _counted(sweep: SweepState) -> list[str]:
    words = {"pruned": "stopped early"}
    if sweep.state not in ("running", "stopping"):  # a killed process could not record it
        words["running"] = "interrupted"
    return [
        f"{count} {words.get(outcome, outcome)}"
        for outcome in OUTCOMES
        if (count := sweep.counts.get(outcome))
    ]


def _besides(sweep: SweepState) -> list[str]:
    """Lines on trials that were not trained here, or no longer count."""
    lines = []
    if sweep.reused:
        lines.append(f"reused: {listed([f'{one.trial} from {one.reused_from}' for one in sweep.reused])}")
    if sweep.left_out:
        trials = listed([f"{one.trial} ({one.left_out})" for one in sweep.left_out])
        lines.append(f"left out, as they do not fit the changed space: {trials}")
    return lines


def _epochs(sweep: SweepState) -> str:
    words = f"{sweep.epochs:,} done in {duration(sweep.seconds)} of training"
    if sweep.epochs_left:
        words += f", at most {sweep.epochs_left:,} left"
    if sweep.seconds_left:
        words += f": about {duration(sweep.seconds_left)}"
    return words


def _words(searched: dict[str, str]) -> str:
    words = ", ".join(f"{name} {_short(value)}" for name, value in searched.items())
    return f" ({words})" if words else ""


def _short(text: str) -> str:
    """A searched value, which MLflow keeps as text, rounded to four digits."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return f"{value:.4g}" if isinstance(value, float) else text


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _moment(seconds: float | None) -> str:
    return "–" if seconds is None else f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}"
