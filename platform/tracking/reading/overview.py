"""The state of a sweep at a glance, read from its spool: without MLflow, which takes seconds to import."""

import math
from dataclasses import dataclass
from pathlib import Path

from platform.tracking.fields import shown
from platform.tracking.reading.replay import replayed_sweep
from platform.tracking.records import TrialRecord, WriterState
from platform.tracking.writing.spool import read_entries

SECONDS = "time/epoch_s"


@dataclass(frozen=True)
class TrialGlance:
    """State of a trial: finished ``epochs``, the metric's best and last value, and the time taken (s)."""

    trial: str
    outcome: str
    epochs: int
    best: float | None
    last: float | None
    seconds: float
    method: str
    backbone: str
    searched: dict[str, str]
    attempt: int
    cause: str | None
    confirms: str | None = None
    left_out: str | None = None
    reused_from: str | None = None


@dataclass(frozen=True)
class SweepGlance:
    """State of a sweep; ``started``: seconds since 1970."""

    outcome: str
    started: float
    trials: list[TrialGlance]


def glance_at_spool(state: WriterState, spool: Path, metric: str, mode: str) -> SweepGlance | None:
    """The sweep as its own process recorded it; None if the spool is empty.

    Raises:
        TrackingError: a line of the spool cannot be read.
    """
    entries = read_entries(spool)
    if not entries:
        return None
    sweep = replayed_sweep(state, entries)
    return SweepGlance(
        sweep.outcome, entries[0].at_ms / 1000, [_trial(one, metric, mode) for one in sweep.trials]
    )


def best_and_last(values: list[float], mode: str) -> tuple[float | None, float | None]:
    """The best and the last of the finite values; None for both if there is none."""
    finite = [value for value in values if math.isfinite(value)]
    return (max(finite) if mode == "max" else min(finite), finite[-1]) if finite else (None, None)


def _trial(trial: TrialRecord, metric: str, mode: str) -> TrialGlance:
    points = trial.history.get(metric, [])
    best, last = best_and_last([value for _, value in points], mode)
    return TrialGlance(
        trial=trial.trial_id,
        outcome=trial.outcome,
        epochs=points[-1][0] if points else 0,
        best=best,
        last=last,
        seconds=sum(value for _, value in trial.history.get(SECONDS, [])),
        method=_named(trial, "method", "name"),
        backbone=_named(trial, "model", "backbone"),
        searched={name: shown(value) for name, value in trial.searched.items()},
        attempt=trial.attempt,
        cause=trial.cause,
        confirms=trial.confirms,
        left_out=trial.left_out,
        reused_from=trial.reused_from,
    )


def _named(trial: TrialRecord, section: str, key: str) -> str:
    part = trial.config.get(section)
    return str(part.get(key, "")) if isinstance(part, dict) else ""
