"""The state of a sweep without a spool, asked of MLflow with few requests: two metrics per trial."""

import json
from concurrent.futures import ThreadPoolExecutor

from mlflow import MlflowClient
from mlflow.entities import Run

from platform.tracking import tag_names
from platform.tracking.connect import connect, talking
from platform.tracking.reading.overview import SECONDS, SweepGlance, TrialGlance, best_and_last
from platform.tracking.runs import child_runs

_THREADS = 8


def glance_at(uri: str, parent_run_id: str, metric: str, mode: str) -> SweepGlance:
    """Read the sweep whose parent run is ``parent_run_id``.

    Raises:
        TrackingError: no MLflow at ``uri``, or no such run in it.
    """
    client = connect(uri)
    with talking(uri):
        parent = client.get_run(parent_run_id)
        children = child_runs(client, parent.info.experiment_id, parent_run_id)
        with ThreadPoolExecutor(_THREADS) as pool:
            trials = list(pool.map(lambda run: _trial(client, run, metric, mode), children))
    outcome = parent.data.tags.get(tag_names.OUTCOME, "running")
    return SweepGlance(outcome, (parent.info.start_time or 0) / 1000, trials)


def _trial(client: MlflowClient, run: Run, metric: str, mode: str) -> TrialGlance:
    points = _points(client, run, metric)
    best, last = best_and_last([value for _, value in points], mode)
    searched = json.loads(run.data.tags.get(tag_names.SEARCHED, "[]"))
    return TrialGlance(
        trial=run.data.tags[tag_names.TRIAL_ID],
        outcome=run.data.tags.get(tag_names.OUTCOME, "running"),
        epochs=points[-1][0] if points else 0,
        best=best,
        last=last,
        seconds=sum(value for _, value in _points(client, run, SECONDS)),
        method=run.data.tags.get(tag_names.METHOD, ""),
        backbone=run.data.tags.get(tag_names.BACKBONE, ""),
        searched={name: run.data.params[name] for name in searched if name in run.data.params},
        attempt=int(run.data.tags.get(tag_names.ATTEMPT, "1")),
        cause=run.data.tags.get(tag_names.CAUSE),
        confirms=run.data.tags.get(tag_names.CONFIRMS),
        left_out=run.data.tags.get(tag_names.LEFT_OUT),
        reused_from=run.data.tags.get(tag_names.REUSED_FROM),
    )


def _points(client: MlflowClient, run: Run, name: str) -> list[tuple[int, float]]:
    if name not in run.data.metrics:
        return []
    return sorted((point.step, point.value) for point in client.get_metric_history(run.info.run_id, name))
