"""A sweep as it is recorded: by MLflow, which first gets what still waits for it, or by its own spool."""

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from platform.tracking import tag_names as names
from platform.tracking.fields import shown, sweep_tags
from platform.tracking.reading.reader import read_sweep
from platform.tracking.records import SweepRecord, TrialRecord, WriterState
from platform.tracking.writing.spool import Entry, SpoolTaken, described, read_entries, read_position
from platform.tracking.writing.spooled_writer import SpooledWriter
from platform.tracking.tracking_config import TrackingError

DELIVERING_S = 5.0
"""How long a reader waits for the process that runs the sweep to deliver its last calls."""


@dataclass(frozen=True)
class Recorded:
    """``undelivered``: one line that says why the record is the spool's; None where it is MLflow's."""

    sweep: SweepRecord
    undelivered: str | None = None


def recorded_sweep(state: WriterState, spool: Path) -> Recorded:
    """The sweep of ``state`` with all that happened in it, whether MLflow has it by now or not.

    Raises:
        TrackingError: MLflow does not answer and the sweep has no spool, or one that cannot be read.
    """
    if not spool.exists():
        return Recorded(read_sweep(state.uri, state.parent_run_id))
    entries = read_entries(spool)
    try:
        _deliver(state, spool)
        return Recorded(read_sweep(state.uri, state.parent_run_id))
    except TrackingError as error:
        if not entries:
            raise
        waiting = _waiting(spool)
        words = f"{error}; {waiting} of {len(entries)} calls for it wait in {spool}"
        return Recorded(replayed_sweep(state, entries), words)


def replayed_sweep(state: WriterState, entries: list[Entry]) -> SweepRecord:
    """What MLflow would hold of the sweep after these calls, but for the ids of the trials' runs."""
    replay = _Replay()
    for entry in entries:
        getattr(replay, entry.call)(entry)
    return SweepRecord(
        run_id=state.parent_run_id,
        experiment=state.experiment,
        name=state.sweep,
        outcome=replay.outcome,
        params=replay.params,
        tags=replay.tags | {names.SWEEP: state.sweep, names.OUTCOME: replay.outcome},
        trials=sorted(replay.trials.values(), key=lambda trial: (trial.started_ms, trial.trial_id)),
    )


class _Replay:
    """A method a call of the writer, with the same effect on these records as there on MLflow's."""

    def __init__(self) -> None:
        self.outcome = "running"
        self.params: dict[str, str] = {}
        self.tags: dict[str, str] = {}
        self.trials: dict[str, TrialRecord] = {}

    def log_sweep(self, entry: Entry) -> None:
        sweep, code = described(entry)
        self.params = {name: shown(value) for name, value in sweep.constants.items()}
        self.tags = sweep_tags(sweep, code)

    def start_trial(self, entry: Entry) -> None:
        given: dict[str, Any] = entry.arguments
        trial_id, attempt = given["trial_id"], given["attempt"]
        if known := self.trials.get(trial_id):
            self.trials[trial_id] = replace(known, attempt=attempt, outcome="running")
            return
        self.trials[trial_id] = TrialRecord(
            run_id="",
            trial_id=trial_id,
            attempt=attempt,
            outcome="running",
            searched=given["searched"],
            config=given["config"],
            confirms=given.get("confirms"),
            reused_from=given.get("marks", {}).get(names.REUSED_FROM),
            started_ms=entry.at_ms,
        )

    def report(self, entry: Entry) -> None:
        given: dict[str, Any] = entry.arguments
        history = self.trials[given["trial_id"]].history
        logged = max((curve[-1][0] for curve in history.values()), default=0)
        for name, value in given["metrics"].items() if given["step"] > logged else ():
            history.setdefault(name, []).append((given["step"], value))

    def change_space(self, entry: Entry) -> None:
        given: dict[str, Any] = entry.arguments
        self.params = {name: shown(value) for name, value in given["constants"].items()} | self.params
        for trial_id, trial in self.trials.items():
            self.trials[trial_id] = replace(trial, left_out=given["left_out"].get(trial_id))
        for trial_id in given["unfinished"]:
            ended = {"outcome": "interrupted", "cause": given["left_out"][trial_id], "ended_ms": entry.at_ms}
            self.trials[trial_id] = replace(self.trials[trial_id], **ended)

    def finish_trial(self, entry: Entry) -> None:
        given: dict[str, Any] = entry.arguments
        known = self.trials[given["trial_id"]]
        self.trials[known.trial_id] = replace(
            known,
            outcome=given["outcome"],
            checkpoint=given["checkpoint"] or known.checkpoint,
            checkpoint_last=given["checkpoint_last"] or known.checkpoint_last,
            cause=given["cause"].strip().split("\n", 1)[0] if given["cause"] else known.cause,
            ended_ms=entry.at_ms,
        )

    def let_go(self, entry: Entry) -> None:
        given: dict[str, Any] = entry.arguments
        self.trials[given["trial_id"]] = replace(
            self.trials[given["trial_id"]],
            checkpoint=given["checkpoint"],
            checkpoint_last=given["checkpoint_last"],
            was_deleted=given["checkpoint"] is None,
        )

    def reopen(self, entry: Entry) -> None:
        self.outcome = "running"

    def finish(self, entry: Entry) -> None:
        self.outcome = str(entry.arguments["outcome"])
        for trial in self.trials.values():
            if trial.outcome == "running":
                self.trials[trial.trial_id] = replace(trial, outcome="interrupted", ended_ms=entry.at_ms)


def _deliver(state: WriterState, spool: Path) -> None:
    """Bring MLflow what waits; where the sweep runs at this moment, its own process does, within seconds."""
    until = time.monotonic() + DELIVERING_S
    while _waiting(spool):
        try:
            with SpooledWriter(state, spool, patience_s=0) as writer:
                writer.catch_up()
        except SpoolTaken:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _waiting(spool: Path) -> int:
    position = read_position(spool)
    return sum(entry.n > position for entry in read_entries(spool))
