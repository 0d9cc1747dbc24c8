"""What --list and --status print of sweeps that run in other terminals, or have ended."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from rich.console import Console

from platform.datasets.errors import listed
from platform.tuning.terminal import duration, print_table
from platform.tuning.watching.sweep_state import OPEN, Survey

OUTCOMES = ("finished", "pruned", "failed", "interrupted", "running")


def print_list(console: Console, surveys: Sequence[Survey]) -> None:
    """One row a sweep."""
    print_table(console, [_row(seen) for seen in surveys])
    for seen in surveys:
        if seen.problem:
            console.print(f"{seen.name}: {seen.problem}")


def print_status(console: Console, seen: Survey) -> None:
    """One sweep: how far it is, and the trials that run."""
    console.print(f"sweep {seen.name}: {_state(seen)}")
    if seen.problem:
        console.print(seen.problem)
    if seen.state == "starting" or seen.problem:
        return
    console.print(f"trials: {_trials(seen)}" + "".join(f", {part}" for part in _counted(seen)))
    for words in _besides(seen):
        console.print(words)
    best = seen.best
    if best is not None and best.best is not None:
        console.print(f"best: {seen.metric} {best.best:.4f}, trial {best.trial}{_words(best.searched)}")
    if len(seen.goals) > 1:
        console.print(f"goals: {', '.join(seen.goals)}; the best is the first's, the report has the front")
    console.print(f"epochs: {_epochs(seen)}")
    if seen.confirmations:
        ended = sum(trial.outcome not in OPEN for trial in seen.confirmations)
        console.print(f"confirmations: {ended} of {len(seen.confirmations)} that have begun have ended")
    if seen.balance and seen.balance.left:
        console.print(f"budget left: {seen.balance.left}")
    running = [trial for trial in [*seen.trials, *seen.confirmations] if trial.outcome == "running"]
    if running and seen.state in ("running", "stopping"):
        console.print()
        print_table(
            console,
            [
                {
                    "trial": trial.trial,
                    "epoch": f"{trial.epochs}/{seen.holder.epochs_a_trial if seen.holder else '?'}",
                    f"best {seen.metric}": _number(trial.best),
                    "last": _number(trial.last),
                    **{name: _short(value) for name, value in trial.searched.items()},
                }
                for trial in running
            ],
        )


def as_json(surveys: Sequence[Survey]) -> str:
    """The same for programs: one object a sweep, values in full; times in seconds since 1970."""
    return json.dumps([_object(seen) for seen in surveys], indent=1)


def _object(seen: Survey) -> dict[str, Any]:
    best = seen.best
    balance = seen.balance
    return asdict(replace(seen, balance=None)) | {
        "balance": balance and {"budget": balance.budget.model_dump(), "spent": asdict(balance.spent)},
        "best": best.best if best else None,
        "best_trial": best.trial if best else None,
        "trials_ended": seen.ended,
        "trials_planned": seen.planned,
        "outcomes": seen.counts,
        "reused": len(seen.reused),
        "epochs": seen.epochs,
        "epochs_left": seen.epochs_left,
        "seconds": seen.seconds,
        "seconds_left": seen.seconds_left,
    }


def _row(seen: Survey) -> dict[str, str]:
    best = seen.best
    return {
        "sweep": seen.name,
        "state": seen.state,
        "metric": f"{seen.metric} and {len(seen.goals) - 1} more" if seen.goals[1:] else seen.metric or "–",
        "best": _number(best.best if best else None),
        "trials": _trials(seen),
        "epochs": f"{seen.epochs:,}",
        "trained for": duration(seen.seconds),
        "started": _moment(seen.started),
    }


def _state(seen: Survey) -> str:
    if seen.holder is None or seen.state in ("interrupted", "finished", "failed", "unknown"):
        return seen.state
    return f"{seen.state} since {_moment(seen.holder.began)} ({seen.holder})"


def _trials(seen: Survey) -> str:
    return f"{seen.ended}/{'?' if seen.planned is None else seen.planned}"


def _counted(seen: Survey) -> list[str]:
    words = {"pruned": "stopped early"}
    if seen.state not in ("running", "stopping"):  # what was killed could not say so
        words["running"] = "interrupted"
    return [
        f"{count} {words.get(outcome, outcome)}"
        for outcome in OUTCOMES
        if (count := seen.counts.get(outcome))
    ]


def _besides(seen: Survey) -> list[str]:
    """Of the trials that were not trained here, or do not count any more, a line each."""
    lines = []
    if seen.reused:
        lines.append(f"reused: {listed([f'{one.trial} from {one.reused_from}' for one in seen.reused])}")
    if seen.left_out:
        told = listed([f"{one.trial} ({one.left_out})" for one in seen.left_out])
        lines.append(f"left out, as the space was changed: {told}")
    return lines


def _epochs(seen: Survey) -> str:
    told = f"{seen.epochs:,} done in {duration(seen.seconds)} of training"
    if seen.epochs_left:
        told += f", at most {seen.epochs_left:,} left"
    if seen.seconds_left:
        told += f": about {duration(seen.seconds_left)}"
    return told


def _words(searched: dict[str, str]) -> str:
    words = ", ".join(f"{name} {_short(value)}" for name, value in searched.items())
    return f" ({words})" if words else ""


def _short(text: str) -> str:
    """A searched value, which MLflow keeps as text, with as many digits as are read."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return f"{value:.4g}" if isinstance(value, float) else text


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _moment(seconds: float | None) -> str:
    return "–" if seconds is None else f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}"
