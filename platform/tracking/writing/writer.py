"""Writes a sweep to MLflow: a parent run, a child run per trial, one request per epoch; repeatable."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self, Unpack

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag

from platform.config.secrets import shown_uri
from platform.tracking import tag_names
from platform.tracking.connect import connect, find_or_create_experiment, talking
from platform.tracking.environment import CodeVersion, code_version, environment
from platform.tracking.fields import (
    PARAMS_A_REQUEST,
    TAG_LENGTH,
    dataset_input,
    shown,
    standard_tags,
    sweep_tags,
    trial_params,
    trial_tags,
)
from platform.tracking.links import comparison_path
from platform.tracking.records import (
    Outcome,
    SweepDescription,
    SweepOutcome,
    TrialEnd,
    TrialStart,
    WriterState,
)
from platform.tracking.runs import child_runs, last_step, one_each
from platform.tracking.saved_view import view_tag, view_text
from platform.tracking.tracking_config import TrackingError

# MLflow has no status "pruned", and shows KILLED as a failure: the tag `outcome` tells the two apart.
_STATUS = {"finished": "FINISHED", "pruned": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}


@dataclass
class _Trial:
    """A child run; ``last_step``: the last epoch in MLflow, None before it is asked for."""

    run_id: str
    attempt: int = 1
    last_step: int | None = None
    open: bool = True


class SweepWriter:
    """Writes one sweep; made by ``open``, or by ``from_state`` to continue. In a sweep the spool calls it.

    Every method raises TrackingError if MLflow refuses, and MlflowAway if a later try may succeed. A part may
    have arrived then: the same call on a new writer ``from_state`` completes it, and repeats nothing.
    ``at_ms``: when it happened (Unix time, ms), by default now.
    """

    def __init__(self, client: MlflowClient, state: WriterState, trials: dict[str, _Trial]) -> None:
        self._client = client
        self._state = state
        self._trials = trials

    @classmethod
    def open(cls, uri: str, experiment: str, sweep: str, attempt: int = 1) -> Self:
        """Create the parent run of the sweep ``sweep`` in ``experiment``; ``attempt``: which process this is.

        Raises:
            TrackingError: within seconds, if there is no MLflow at ``uri``.
        """
        client = connect(uri, creates=True)
        found = find_or_create_experiment(client, uri, experiment)
        with talking(uri):
            run = client.create_run(
                found.experiment_id,
                run_name=sweep,
                tags=_running(attempt) | {tag_names.SWEEP: sweep} | standard_tags(),
            )
            state = WriterState(uri, experiment, found.experiment_id, run.info.run_id, sweep)
            note = f"[Compare the trials of this sweep]({comparison_path(state)})"
            client.set_tag(run.info.run_id, "mlflow.note.content", note)
        return cls(client, state, {})

    @classmethod
    def from_state(cls, state: WriterState) -> Self:
        """Continue the sweep of ``state``: the same parent, and the same child for a trial that restarts."""
        client = connect(state.uri)
        with talking(state.uri):
            parent = client.get_run(state.parent_run_id)
            if parent.info.lifecycle_stage != "active":
                raise TrackingError(
                    f"the sweep {state.sweep!r} was deleted in MLflow ({shown_uri(state.uri)}): "
                    f"restore it with `mlflow runs restore --run-id {state.parent_run_id}`"
                )
            children = one_each(client, child_runs(client, state.experiment_id, state.parent_run_id))
        return cls(client, state, {run.data.tags[tag_names.TRIAL_ID]: _known(run) for run in children})

    @property
    def state(self) -> WriterState:
        """State for ``from_state``; can be pickled, and ``dataclasses.asdict`` gives JSON types."""
        return self._state

    def log_sweep(self, sweep: SweepDescription, code: CodeVersion | None = None) -> None:
        """Log to the parent what all trials share: constants, code, data, plan, environment.

        Artifacts: ``space.yaml``, ``plan.txt``, ``environment.json``.
        """
        tags = sweep_tags(sweep, code or code_version())
        parent = self._state.parent_run_id
        with talking(self._state.uri):
            self._log_params(parent, sweep.constants, tags)
            self._client.log_inputs(parent, [dataset_input(sweep.data)])
            self._client.log_text(parent, sweep.space_yaml, "space.yaml")
            self._client.log_text(parent, sweep.plan, "plan.txt")
            self._client.log_dict(parent, environment(), "environment.json")
            if sweep.goals:
                self._save_view(sweep.goals, sweep.searched)

    def save_view(self, goals: Sequence[str], searched: Sequence[str]) -> None:
        """Save what the page of this sweep's comparison shows: see :mod:`platform.tracking.saved_view`."""
        with talking(self._state.uri):
            self._save_view(goals, searched)

    def _save_view(self, goals: Sequence[str], searched: Sequence[str]) -> None:
        text = view_text(self._state, goals, searched)
        self._client.set_experiment_tag(self._state.experiment_id, view_tag(self._state), text)

    def start_trial(
        self,
        trial_id: str,
        *,
        attempt: int | None = None,
        at_ms: int | None = None,
        **start: Unpack[TrialStart],
    ) -> None:
        """Create the child run of a trial, or continue an existing one as another attempt.

        Its parameters are ``searched`` and ``tag_names.COLUMNS``, so that trials of several sweeps can be
        compared. A trial that starts again with other code loses the tag ``tag_names.CODE``.
        ``attempt``: by default 1, and one more each time the trial starts again.
        """
        searched, config, marks = start["searched"], start["config"], start.get("marks") or {}
        tags = {**trial_tags(searched=searched, constants=start["constants"], config=config), **marks}
        if confirms := start.get("confirms"):
            tags[tag_names.CONFIRMS] = confirms
        params = trial_params(searched, config)
        with talking(self._state.uri):
            if known := self._trials.get(trial_id):
                self._restart(known, known.attempt + 1 if attempt is None else attempt, params)
                self._keep_code(known.run_id, marks.get(tag_names.CODE))
                return
            attempt = 1 if attempt is None else attempt
            run = self._client.create_run(
                self._state.experiment_id,
                start_time=at_ms or _now_ms(),
                run_name=f"{self._state.sweep}/{trial_id}",
                tags={
                    tag_names.PARENT: self._state.parent_run_id,
                    tag_names.SWEEP: self._state.sweep,
                    tag_names.TRIAL_ID: trial_id,
                    **_running(attempt),
                    **tags,
                    **standard_tags(),
                },
            )
            self._trials[trial_id] = _Trial(run.info.run_id, attempt, last_step=0)
            self._log_params(run.info.run_id, params, {})

    def report(
        self, trial_id: str, step: int, metrics: Mapping[str, float], *, at_ms: int | None = None
    ) -> None:
        """Log an epoch's metrics in one request. ``step``: the epoch (from 1); it is skipped if logged.

        Values that are not finite are kept, and listed in the tag ``non_finite``.
        """
        trial = self._trial(trial_id)
        with talking(self._state.uri):
            if trial.last_step is None:
                trial.last_step = last_step(self._client, self._client.get_run(trial.run_id))
            if step <= trial.last_step:
                return
            now = at_ms or _now_ms()
            values = [Metric(name, float(value), now, step) for name, value in metrics.items()]
            bad = [f"{metric.key} = {metric.value}" for metric in values if not math.isfinite(metric.value)]
            if bad:  # first: a batch is not one transaction, and an epoch that is there is not logged again
                text = f"epoch {step}: {', '.join(bad)}"[:TAG_LENGTH]
                self._client.set_tag(trial.run_id, tag_names.NON_FINITE, text)
            self._client.log_batch(trial.run_id, metrics=values)
        trial.last_step = step

    def finish_trial(
        self, trial_id: str, outcome: Outcome, *, at_ms: int | None = None, **end: Unpack[TrialEnd]
    ) -> None:
        """Close a trial's run. The first line of ``cause`` becomes a tag, all of it an artifact."""
        trial, cause = self._trial(trial_id), end.get("cause")
        tags = {
            tag_names.OUTCOME: outcome,
            tag_names.CHECKPOINT: end.get("checkpoint"),
            tag_names.CHECKPOINT_LAST: end.get("checkpoint_last"),
            tag_names.CAUSE: cause.strip().split("\n", 1)[0][:TAG_LENGTH] if cause else None,
        }
        with talking(self._state.uri):
            given = [RunTag(name, value) for name, value in tags.items() if value is not None]
            self._client.log_batch(trial.run_id, tags=given)
            if cause:
                self._client.log_text(trial.run_id, cause, tag_names.CAUSE_FILE)
            self._client.set_terminated(trial.run_id, _STATUS[outcome], at_ms)
        trial.open = False

    def let_go(
        self, trial_id: str, *, checkpoint: str | None, checkpoint_last: str | None, at_ms: int | None = None
    ) -> None:
        """Record which checkpoints of an ended trial are left; None for a deleted one."""
        left = {tag_names.CHECKPOINT: checkpoint, tag_names.CHECKPOINT_LAST: checkpoint_last}
        tags = [RunTag(name, path or tag_names.DELETED) for name, path in left.items()]
        with talking(self._state.uri):
            self._client.log_batch(self._trial(trial_id).run_id, tags=tags)

    def reopen(self, attempt: int) -> None:
        """Mark the sweep as running again on the parent, by its process number ``attempt``."""
        with talking(self._state.uri):
            self._client.update_run(self._state.parent_run_id, status="RUNNING")
            self._log_params(self._state.parent_run_id, {}, _running(attempt))

    def finish(self, outcome: SweepOutcome, *, at_ms: int | None = None) -> None:
        """Close the sweep; trials still open were interrupted."""
        for trial_id, trial in self._trials.items():
            if trial.open:
                self.finish_trial(trial_id, "interrupted", at_ms=at_ms)
        with talking(self._state.uri):
            self._client.set_tag(self._state.parent_run_id, tag_names.OUTCOME, outcome)
            self._client.set_terminated(self._state.parent_run_id, _STATUS[outcome], at_ms)

    def log_report(
        self,
        folder: Path,
        files: Sequence[Path] = (),
        metrics: Mapping[str, float] | None = None,
        note: str | None = None,
    ) -> None:
        """Log the report's folder (as ``report/``), tables beside it, metrics and ``note`` to the parent."""
        parent = self._state.parent_run_id
        now = _now_ms()
        with talking(self._state.uri):
            self._client.log_artifacts(parent, str(folder), "report")
            for file in files:
                self._client.log_artifact(parent, str(file))
            if metrics:
                values = [Metric(name, value, now, 0) for name, value in metrics.items()]
                self._client.log_batch(parent, metrics=values)
            if note:
                self._client.set_tag(parent, "mlflow.note.content", note[:TAG_LENGTH])

    def _trial(self, trial_id: str) -> _Trial:
        if trial_id in self._trials:
            return self._trials[trial_id]
        raise TrackingError(
            f"MLflow at {shown_uri(self._state.uri)}: the run of the trial {trial_id} of "
            f"{self._state.sweep!r} is gone; restore it there if it was deleted"
        )

    def _restart(self, trial: _Trial, attempt: int, params: Mapping[str, object]) -> None:
        """Continue a run; its parameters are there unless it was interrupted right after its creation."""
        self._client.update_run(trial.run_id, status="RUNNING")
        run = self._client.get_run(trial.run_id)
        missing = {name: value for name, value in params.items() if name not in run.data.params}
        self._log_params(trial.run_id, missing, _running(attempt))
        trial.last_step = last_step(self._client, run)
        trial.attempt = attempt
        trial.open = True

    def _keep_code(self, run_id: str, code: str | None) -> None:
        """Remove the code's tag if other code continues the trial, as it did not train all epochs."""
        if self._client.get_run(run_id).data.tags.get(tag_names.CODE, code) != code:
            self._client.delete_tag(run_id, tag_names.CODE)

    def _log_params(self, run_id: str, values: Mapping[str, object], tags: Mapping[str, str]) -> None:
        params = [Param(name, shown(value)) for name, value in values.items()]
        first, rest = params[:PARAMS_A_REQUEST], params[PARAMS_A_REQUEST:]
        if first or tags:
            given = [RunTag(name, value) for name, value in tags.items()]
            self._client.log_batch(run_id, params=first, tags=given)
        if rest:
            self._log_params(run_id, dict(list(values.items())[PARAMS_A_REQUEST:]), {})


def _running(attempt: int) -> dict[str, str]:
    return {tag_names.ATTEMPT: str(attempt), tag_names.OUTCOME: "running"}


def _known(run: Run) -> _Trial:
    attempt = int(run.data.tags.get(tag_names.ATTEMPT, "1"))
    return _Trial(run.info.run_id, attempt, open=run.info.status == "RUNNING")


def _now_ms() -> int:
    return int(time.time() * 1000)
