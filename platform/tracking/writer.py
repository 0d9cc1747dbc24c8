"""The single writer of a sweep to MLflow: a parent run, one child run a trial, one request a report."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, Run, RunTag

from platform.tracking import names
from platform.tracking.connect import connect, find_or_create_experiment, talking
from platform.tracking.environment import code_version, environment, user_name
from platform.tracking.links import comparison_path
from platform.tracking.records import DatasetRecord, Outcome, SweepDescription, SweepOutcome, WriterState
from platform.tracking.runs import child_runs, last_step
from platform.tracking.tracking_config import TrackingError, shown_uri

# MLflow knows no "pruned": a pruned or interrupted trial is KILLED there, and the tag `outcome` says which.
_STATUS = {"finished": "FINISHED", "pruned": "KILLED", "interrupted": "KILLED", "failed": "FAILED"}
_PARAMS_A_REQUEST = 100
_PARAM_LENGTH = 6000
_TAG_LENGTH = 8000
_DATASET_DIGEST_LENGTH = 36


@dataclass
class _Trial:
    """A child run; ``last_step`` is the last epoch in MLflow, so that a restarted trial repeats none."""

    run_id: str
    attempt: int = 1
    last_step: int = 0
    open: bool = True


class SweepWriter:
    """Writes one sweep; the driver holds the only one. Made by ``open`` or, to go on later, ``from_state``.

    Every method raises TrackingError when MLflow does not take what is written. During a sweep MLflow's own
    patience holds (``MLFLOW_HTTP_REQUEST_MAX_RETRIES``, four minutes unless set), so a server may restart.
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
                tags={names.SWEEP: sweep, names.OUTCOME: "running", **_standard_tags()},
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
            children = child_runs(client, state.experiment_id, state.parent_run_id)
        return cls(client, state, {run.data.tags[names.TRIAL_ID]: _known(run) for run in children})

    @property
    def state(self) -> WriterState:
        """What ``from_state`` needs; picklable, and JSON-able through ``dataclasses.asdict``."""
        return self._state

    def log_sweep(self, sweep: SweepDescription) -> None:
        """Put on the parent what holds for all trials: constants, code, data, plan, environment.

        Artifacts: ``space.yaml``, ``plan.txt``, ``environment.json``.
        """
        code = code_version()
        tags = {
            names.GIT_COMMIT: code.commit,
            names.GIT_DIRTY: code.dirty,
            names.LOCK_DIGEST: code.lock,
            names.DATA_DIGEST: sweep.data.digest,
            names.SEED: str(sweep.seed),
            names.COMMAND: sweep.command[:_TAG_LENGTH],
            "mlflow.source.git.commit": code.commit,
        }
        parent = self._state.parent_run_id
        with talking(self._state.uri):
            self._log_params(parent, sweep.constants, tags)
            self._client.log_inputs(parent, [_dataset_input(sweep.data)])
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
        attempt: int | None = None,
    ) -> None:
        """Open the child run of a trial; of a trial known already, go on with its run as another attempt.

        Its parameters are ``searched`` and, of the rest, ``names.COLUMNS``: other sweeps may lie beside it.
        ``searched`` and ``constants`` have dotted names; ``config`` is the whole trial as JSON-able sections.
        ``attempt``: by default 1, and one more than before each time the trial starts again.
        """
        with talking(self._state.uri):
            if known := self._trials.get(trial_id):
                self._restart(known, known.attempt + 1 if attempt is None else attempt)
                return
            attempt = 1 if attempt is None else attempt
            run = self._client.create_run(
                self._state.experiment_id,
                run_name=f"{self._state.sweep}/{trial_id}",
                tags={
                    names.PARENT: self._state.parent_run_id,
                    names.SWEEP: self._state.sweep,
                    names.TRIAL_ID: trial_id,
                    names.ATTEMPT: str(attempt),
                    names.OUTCOME: "running",
                    names.METHOD: str(_at(config, "method", "name")),
                    names.BACKBONE: str(_at(config, "model", "backbone")),
                    names.SEARCHED: _tag(list(searched)),
                    names.CONSTANTS: _tag(constants),
                    names.CONFIG: _tag(config),
                    **_standard_tags(),
                },
            )
            self._trials[trial_id] = _Trial(run.info.run_id, attempt)
            self._log_params(run.info.run_id, {**_columns(config), **searched}, {})

    def report(self, trial_id: str, step: int, metrics: Mapping[str, float]) -> None:
        """Log an epoch's metrics, in one request. ``step`` is the epoch, from 1; one logged before is left.

        A value that is not finite is kept as such, and named in the tag ``non_finite``.
        """
        trial = self._trials[trial_id]
        if step <= trial.last_step:
            return
        now = int(time.time() * 1000)
        values = [Metric(name, float(value), now, step) for name, value in metrics.items()]
        bad = [f"{metric.key} = {metric.value}" for metric in values if not math.isfinite(metric.value)]
        tags = [RunTag(names.NON_FINITE, f"epoch {step}: {', '.join(bad)}"[:_TAG_LENGTH])] if bad else []
        with talking(self._state.uri):
            self._client.log_batch(trial.run_id, metrics=values, tags=tags)
        trial.last_step = step

    def finish_trial(
        self,
        trial_id: str,
        outcome: Outcome,
        *,
        checkpoint: str | None = None,
        checkpoint_last: str | None = None,
        cause: str | None = None,
    ) -> None:
        """Close a trial's run. ``cause``: why it failed; its first line is a tag, all of it an artifact."""
        trial = self._trials[trial_id]
        tags = {
            names.OUTCOME: outcome,
            names.CHECKPOINT: checkpoint,
            names.CHECKPOINT_LAST: checkpoint_last,
            names.CAUSE: cause.strip().split("\n", 1)[0][:_TAG_LENGTH] if cause else None,
        }
        with talking(self._state.uri):
            given = [RunTag(name, value) for name, value in tags.items() if value is not None]
            self._client.log_batch(trial.run_id, tags=given)
            if cause:
                self._client.log_text(trial.run_id, cause, names.CAUSE_FILE)
            self._client.set_terminated(trial.run_id, _STATUS[outcome])
        trial.open = False

    def reopen(self) -> None:
        """Say on the parent that a sweep which was stopped runs again."""
        with talking(self._state.uri):
            self._client.update_run(self._state.parent_run_id, status="RUNNING")
            self._client.set_tag(self._state.parent_run_id, names.OUTCOME, "running")

    def finish(self, outcome: SweepOutcome) -> None:
        """Close the sweep; trials still open were interrupted."""
        for trial_id, trial in self._trials.items():
            if trial.open:
                self.finish_trial(trial_id, "interrupted")
        with talking(self._state.uri):
            self._client.set_tag(self._state.parent_run_id, names.OUTCOME, outcome)
            self._client.set_terminated(self._state.parent_run_id, _STATUS[outcome])

    def log_report(
        self,
        folder: Path,
        files: Sequence[Path] = (),
        metrics: Mapping[str, float] | None = None,
        note: str | None = None,
    ) -> None:
        """Put the report's folder (as ``report/``), tables beside it, figures and ``note`` on the parent."""
        parent = self._state.parent_run_id
        now = int(time.time() * 1000)
        with talking(self._state.uri):
            self._client.log_artifacts(parent, str(folder), "report")
            for file in files:
                self._client.log_artifact(parent, str(file))
            if metrics:
                values = [Metric(name, value, now, 0) for name, value in metrics.items()]
                self._client.log_batch(parent, metrics=values)
            if note:
                self._client.set_tag(parent, "mlflow.note.content", note[:_TAG_LENGTH])

    def _restart(self, trial: _Trial, attempt: int) -> None:
        self._client.update_run(trial.run_id, status="RUNNING")
        trial.last_step = last_step(self._client, trial.run_id)
        trial.attempt = attempt
        tags = [RunTag(names.ATTEMPT, str(attempt)), RunTag(names.OUTCOME, "running")]
        self._client.log_batch(trial.run_id, tags=tags)
        trial.open = True

    def _log_params(self, run_id: str, values: Mapping[str, object], tags: Mapping[str, str]) -> None:
        params = [Param(name, _shown(value)) for name, value in values.items()]
        first, rest = params[:_PARAMS_A_REQUEST], params[_PARAMS_A_REQUEST:]
        if first or tags:
            given = [RunTag(name, value) for name, value in tags.items()]
            self._client.log_batch(run_id, params=first, tags=given)
        if rest:
            self._log_params(run_id, dict(list(values.items())[_PARAMS_A_REQUEST:]), {})


def _known(run: Run) -> _Trial:
    attempt = int(run.data.tags.get(names.ATTEMPT, "1"))
    return _Trial(run.info.run_id, attempt, open=run.info.status == "RUNNING")


def _shown(value: object) -> str:
    """A parameter as MLflow shows it: text as it is, everything else as JSON (true, null, 0.1, [1, 2])."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text[:_PARAM_LENGTH]


def _tag(values: Mapping[str, object] | list[str]) -> str:
    text = json.dumps(values if isinstance(values, list) else dict(values), separators=(",", ":"))
    if len(text) > _TAG_LENGTH:
        raise TrackingError(
            f"MLflow keeps {_TAG_LENGTH} characters of a trial's config; this has {len(text)}"
        )
    return text


def _columns(config: Mapping[str, object]) -> dict[str, object]:
    values = {name: _at(config, *name.split(".")) for name in names.COLUMNS}
    return {name: value for name, value in values.items() if value}


def _at(config: Mapping[str, object], section: str, key: str) -> object:
    part = config.get(section)
    return part.get(key, "") if isinstance(part, Mapping) else ""


def _standard_tags() -> dict[str, str]:
    return {
        "mlflow.user": user_name(),
        "mlflow.source.name": "platform.search",
        "mlflow.source.type": "LOCAL",
    }


def _dataset_input(data: DatasetRecord) -> DatasetInput:
    profile = {"digest": data.digest, "rows": dict(data.rows), "classes": len(data.classes)}
    dataset = Dataset(
        name=data.name,
        digest=data.digest[:_DATASET_DIGEST_LENGTH],
        source_type="local",
        source=json.dumps({"uri": data.source}),
        schema=json.dumps({"classes": list(data.classes)}),
        profile=json.dumps(profile),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])
