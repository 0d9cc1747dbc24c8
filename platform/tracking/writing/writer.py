"""A sweep's writes to MLflow: a parent run, a child run a trial, a request a report; any may be repeated."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, Run, RunTag

from platform.tracking import tag_names as names
from platform.tracking.connect import connect, find_or_create_experiment, talking
from platform.tracking.environment import CodeVersion, code_version, environment
from platform.tracking.fields import (
    TAG_LENGTH,
    dataset_input,
    shown,
    standard_tags,
    sweep_tags,
    trial_params,
    trial_tags,
)
from platform.tracking.links import comparison_path
from platform.tracking.records import Outcome, SweepDescription, SweepOutcome, WriterState
from platform.tracking.runs import child_runs, last_step, one_each
from platform.tracking.tracking_config import TrackingError, shown_uri

# MLflow knows no "pruned": a pruned or interrupted trial is KILLED there, and the tag `outcome` says which.
_STATUS = {"finished": "FINISHED", "pruned": "KILLED", "interrupted": "KILLED", "failed": "FAILED"}
_PARAMS_A_REQUEST = 100


@dataclass
class _Trial:
    """A child run; ``last_step`` is the last epoch in MLflow, None while unasked: none is logged twice."""

    run_id: str
    attempt: int = 1
    last_step: int | None = None
    open: bool = True


class SweepWriter:
    """Writes one sweep; made by ``open`` or, to go on later, ``from_state``. In a sweep the spool calls it.

    Every method raises TrackingError when MLflow does not take what is written, of kind MlflowAway where it
    would later. Then nobody knows what of it arrived: the same call on a new writer ``from_state``, in its
    turn, makes it whole and nothing twice. ``at_ms``: when it happened (Unix time), by default now.
    """

    def __init__(self, client: MlflowClient, state: WriterState, trials: dict[str, _Trial]) -> None:
        self._client = client
        self._state = state
        self._trials = trials

    @classmethod
    def open(cls, uri: str, experiment: str, sweep: str) -> Self:
        """Start the sweep called ``sweep``: its parent run, in the experiment ``experiment``.

        Raises:
            TrackingError: within seconds, if there is no MLflow at ``uri``.
        """
        client = connect(uri)
        found = find_or_create_experiment(client, uri, experiment)
        with talking(uri):
            run = client.create_run(
                found.experiment_id,
                run_name=sweep,
                tags={names.SWEEP: sweep, names.OUTCOME: "running", **standard_tags()},
            )
            state = WriterState(uri, experiment, found.experiment_id, run.info.run_id, sweep)
            note = f"[Compare the trials of this sweep]({comparison_path(state)})"
            client.set_tag(run.info.run_id, "mlflow.note.content", note)
        return cls(client, state, {})

    @classmethod
    def from_state(cls, state: WriterState) -> Self:
        """Go on with the sweep of ``state``: the same parent, the same child for a trial that restarts."""
        client = connect(state.uri)
        with talking(state.uri):
            parent = client.get_run(state.parent_run_id)
            if parent.info.lifecycle_stage != "active":
                raise TrackingError(
                    f"the sweep {state.sweep!r} was deleted in MLflow ({shown_uri(state.uri)}): "
                    f"restore it with `mlflow runs restore --run-id {state.parent_run_id}`"
                )
            children = one_each(client, child_runs(client, state.experiment_id, state.parent_run_id))
        return cls(client, state, {run.data.tags[names.TRIAL_ID]: _known(run) for run in children})

    @property
    def state(self) -> WriterState:
        """What ``from_state`` needs; picklable, and JSON-able through ``dataclasses.asdict``."""
        return self._state

    def log_sweep(self, sweep: SweepDescription, code: CodeVersion | None = None) -> None:
        """Put on the parent what holds for all trials: constants, code, data, plan, environment.

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

    def start_trial(
        self,
        trial_id: str,
        *,
        searched: Mapping[str, object],
        constants: Mapping[str, object],
        config: Mapping[str, object],
        confirms: str | None = None,
        marks: Mapping[str, str] | None = None,
        attempt: int | None = None,
        at_ms: int | None = None,
    ) -> None:
        """Open the child run of a trial; of a trial known already, go on with its run as another attempt.

        Its parameters are ``searched`` and, of the rest, ``names.COLUMNS``: other sweeps may lie beside it.
        ``searched`` and ``constants`` have dotted names; ``config`` is the whole trial as JSON-able sections.
        ``confirms``: the trial that this one repeats with another seed. ``marks``: further tags; of a trial
        that starts again with other code ``names.CODE`` is gone.
        ``attempt``: by default 1, and one more than before each time the trial starts again.
        """
        tags = trial_tags(searched=searched, constants=constants, config=config)
        tags |= ({names.CONFIRMS: confirms} if confirms else {}) | dict(marks or {})
        params = trial_params(searched, config)
        with talking(self._state.uri):
            if known := self._trials.get(trial_id):
                self._restart(known, known.attempt + 1 if attempt is None else attempt, params)
                self._keep_code(known.run_id, (marks or {}).get(names.CODE))
                return
            attempt = 1 if attempt is None else attempt
            run = self._client.create_run(
                self._state.experiment_id,
                start_time=at_ms or _now_ms(),
                run_name=f"{self._state.sweep}/{trial_id}",
                tags={
                    names.PARENT: self._state.parent_run_id,
                    names.SWEEP: self._state.sweep,
                    names.TRIAL_ID: trial_id,
                    names.ATTEMPT: str(attempt),
                    names.OUTCOME: "running",
                    **tags,
                    **standard_tags(),
                },
            )
            self._trials[trial_id] = _Trial(run.info.run_id, attempt, last_step=0)
            self._log_params(run.info.run_id, params, {})

    def report(
        self, trial_id: str, step: int, metrics: Mapping[str, float], *, at_ms: int | None = None
    ) -> None:
        """Log an epoch's metrics, in one request. ``step`` is the epoch, from 1; one logged before is left.

        A value that is not finite is kept as such, and named in the tag ``non_finite``.
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
                self._client.set_tag(trial.run_id, names.NON_FINITE, text)
            self._client.log_batch(trial.run_id, metrics=values)
        trial.last_step = step

    def finish_trial(
        self,
        trial_id: str,
        outcome: Outcome,
        *,
        checkpoint: str | None = None,
        checkpoint_last: str | None = None,
        cause: str | None = None,
        at_ms: int | None = None,
    ) -> None:
        """Close a trial's run. ``cause``: why it failed; its first line is a tag, all of it an artifact."""
        trial = self._trial(trial_id)
        tags = {
            names.OUTCOME: outcome,
            names.CHECKPOINT: checkpoint,
            names.CHECKPOINT_LAST: checkpoint_last,
            names.CAUSE: cause.strip().split("\n", 1)[0][:TAG_LENGTH] if cause else None,
        }
        with talking(self._state.uri):
            given = [RunTag(name, value) for name, value in tags.items() if value is not None]
            self._client.log_batch(trial.run_id, tags=given)
            if cause:
                self._client.log_text(trial.run_id, cause, names.CAUSE_FILE)
            self._client.set_terminated(trial.run_id, _STATUS[outcome], at_ms)
        trial.open = False

    def let_go(
        self, trial_id: str, *, checkpoint: str | None, checkpoint_last: str | None, at_ms: int | None = None
    ) -> None:
        """Say which of an ended trial's checkpoints are left: None of one that was deleted."""
        left = {names.CHECKPOINT: checkpoint, names.CHECKPOINT_LAST: checkpoint_last}
        tags = [RunTag(name, path or names.DELETED) for name, path in left.items()]
        with talking(self._state.uri):
            self._client.log_batch(self._trial(trial_id).run_id, tags=tags)

    def reopen(self) -> None:
        """Say on the parent that a sweep which was stopped runs again."""
        with talking(self._state.uri):
            self._client.update_run(self._state.parent_run_id, status="RUNNING")
            self._client.set_tag(self._state.parent_run_id, names.OUTCOME, "running")

    def finish(self, outcome: SweepOutcome, *, at_ms: int | None = None) -> None:
        """Close the sweep; trials still open were interrupted."""
        for trial_id, trial in self._trials.items():
            if trial.open:
                self.finish_trial(trial_id, "interrupted", at_ms=at_ms)
        with talking(self._state.uri):
            self._client.set_tag(self._state.parent_run_id, names.OUTCOME, outcome)
            self._client.set_terminated(self._state.parent_run_id, _STATUS[outcome], at_ms)

    def log_report(
        self,
        folder: Path,
        files: Sequence[Path] = (),
        metrics: Mapping[str, float] | None = None,
        note: str | None = None,
    ) -> None:
        """Put the report's folder (as ``report/``), tables beside it, figures and ``note`` on the parent."""
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
        try:
            return self._trials[trial_id]
        except KeyError:
            raise TrackingError(
                f"MLflow at {shown_uri(self._state.uri)}: the run of the trial {trial_id} of "
                f"{self._state.sweep!r} is gone; restore it there if it was deleted"
            ) from None

    def _restart(self, trial: _Trial, attempt: int, params: Mapping[str, object]) -> None:
        """Go on with a run; its parameters are there unless it was cut off right after it was made."""
        self._client.update_run(trial.run_id, status="RUNNING")
        run = self._client.get_run(trial.run_id)
        missing = {name: value for name, value in params.items() if name not in run.data.params}
        self._log_params(trial.run_id, missing, {names.ATTEMPT: str(attempt), names.OUTCOME: "running"})
        trial.last_step = last_step(self._client, run)
        trial.attempt = attempt
        trial.open = True

    def _keep_code(self, run_id: str, code: str | None) -> None:
        """No code is that of all epochs where another one goes on."""
        if self._client.get_run(run_id).data.tags.get(names.CODE, code) != code:
            self._client.delete_tag(run_id, names.CODE)

    def _log_params(self, run_id: str, values: Mapping[str, object], tags: Mapping[str, str]) -> None:
        params = [Param(name, shown(value)) for name, value in values.items()]
        first, rest = params[:_PARAMS_A_REQUEST], params[_PARAMS_A_REQUEST:]
        if first or tags:
            given = [RunTag(name, value) for name, value in tags.items()]
            self._client.log_batch(run_id, params=first, tags=given)
        if rest:
            self._log_params(run_id, dict(list(values.items())[_PARAMS_A_REQUEST:]), {})


def _known(run: Run) -> _Trial:
    attempt = int(run.data.tags.get(names.ATTEMPT, "1"))
    return _Trial(run.info.run_id, attempt, open=run.info.status == "RUNNING")


def _now_ms() -> int:
    return int(time.time() * 1000)
