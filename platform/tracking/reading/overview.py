"""A sweep at a glance, while it runs or afterwards: few requests, two curves a trial instead of all."""

import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from mlflow import MlflowClient
from mlflow.entities import Run

from platform.tracking import tag_names as names
from platform.tracking.connect import connect, talking
from platform.tracking.runs import child_runs

_THREADS = 8
_SECONDS = "time/epoch_s"


@dataclass(frozen=True)
class TrialGlance:
    """A trial as it stands: ``epochs`` that are done, the metric's best and last value, seconds they took."""

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
    """A sweep as MLflow has it; ``started``: seconds since 1970."""

    outcome: str
    started: float
    trials: list[TrialGlance]


def glance_at(uri: str, parent_run_id: str, metric: str, mode: str) -> SweepGlance:
    """The sweep whose parent run is ``parent_run_id``.

    Raises:
        TrackingError: no MLflow at ``uri``, or no such run in it.
    """
    client = connect(uri)
    with talking(uri):
        parent = client.get_run(parent_run_id)
        children = child_runs(client, parent.info.experiment_id, parent_run_id)
        with ThreadPoolExecutor(_THREADS) as pool:
            trials = list(pool.map(lambda run: _trial(client, run, metric, mode), children))
    outcome = parent.data.tags.get(names.OUTCOME, "running")
    return SweepGlance(outcome, (parent.info.start_time or 0) / 1000, trials)


def _trial(client: MlflowClient, run: Run, metric: str, mode: str) -> TrialGlance:
    points = _points(client, run, metric)
    values = [value for _, value in points if math.isfinite(value)]
    better = max if mode == "max" else min
    searched = json.loads(run.data.tags.get(names.SEARCHED, "[]"))
    return TrialGlance(
        trial=run.data.tags[names.TRIAL_ID],
        outcome=run.data.tags.get(names.OUTCOME, "running"),
        epochs=points[-1][0] if points else 0,
        best=better(values) if values else None,
        last=values[-1] if values else None,
        seconds=sum(value for _, value in _points(client, run, _SECONDS)),
        method=run.data.tags.get(names.METHOD, ""),
        backbone=run.data.tags.get(names.BACKBONE, ""),
        searched={name: run.data.params[name] for name in searched if name in run.data.params},
        attempt=int(run.data.tags.get(names.ATTEMPT, "1")),
        cause=run.data.tags.get(names.CAUSE),
        confirms=run.data.tags.get(names.CONFIRMS),
        left_out=run.data.tags.get(names.LEFT_OUT),
        reused_from=run.data.tags.get(names.REUSED_FROM),
    )


def _points(client: MlflowClient, run: Run, name: str) -> list[tuple[int, float]]:
    if name not in run.data.metrics:
        return []
    return sorted((point.step, point.value) for point in client.get_metric_history(run.info.run_id, name))
