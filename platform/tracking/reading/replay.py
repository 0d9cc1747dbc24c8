"""Replays a sweep's spool: the record that MLflow has, or will have, without asking it (nor importing it)."""

from dataclasses import replace
from typing import Any

from platform.tracking import tag_names
from platform.tracking.fields import shown, sweep_tags
from platform.tracking.records import SweepRecord, TrialRecord, WriterState
from platform.tracking.writing.calls import Entry
from platform.tracking.writing.spool import described


def replayed_sweep(state: WriterState, entries: list[Entry]) -> SweepRecord:
    """The record that MLflow would have after these calls, without the ids of the trials' runs."""
    replay = _Replay()
    for entry in entries:
        getattr(replay, entry.call)(entry)
    return SweepRecord(
        run_id=state.parent_run_id,
        experiment=state.experiment,
        name=state.sweep,
        outcome=replay.outcome,
        params=replay.params,
        tags=replay.tags | {tag_names.SWEEP: state.sweep, tag_names.OUTCOME: replay.outcome},
        trials=sorted(replay.trials.values(), key=lambda trial: (trial.started_ms, trial.trial_id)),
    )


class _Replay:
    """Replays the writer's calls on records: one method per method of the writer."""

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
            reused_from=given.get("marks", {}).get(tag_names.REUSED_FROM),
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
