"""Rounds in MLflow: one run over all, below it each round's sweep, with figures that can be compared.

Everything may be written again: a run that is there is found by its tag, a figure that is there stays one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mlflow import MlflowClient
from mlflow.entities import Metric, RunTag

from platform.tracking import tag_names
from platform.tracking.connect import connect, find_or_create_experiment, talking
from platform.tracking.fields import TAG_LENGTH, standard_tags
from platform.tracking.runs import all_runs

PAGE = "rounds"
"""Folder of the page among the run's artifacts."""


@dataclass(frozen=True)
class RoundRun:
    """A round's sweep: its run, which gets ``tags`` and ``metrics``; ``at_ms``: when the round ended."""

    number: int
    run_id: str
    at_ms: int
    tags: Mapping[str, str]
    metrics: Mapping[str, float] = field(default_factory=dict)


def write_rounds(
    uri: str,
    experiment: str,
    name: str,
    key: str,
    rounds: Sequence[RoundRun],
    *,
    note: str,
    page: Path | None,
    outcome: Literal["running", "finished"],
) -> str:
    """Write the run over all rounds, put each round's sweep below it; its id.

    Args:
        key: tells this run from others of the same name; the value of the tag ``rounds_key``.
        rounds: those that are done, in order.
        page: the page across rounds, which becomes an artifact.

    Raises:
        TrackingError: MLflow refuses; MlflowAway if a later try may succeed.
    """
    client = connect(uri, creates=True)
    found = find_or_create_experiment(client, uri, experiment)
    with talking(uri):
        run_id = _run_over_all(client, found.experiment_id, name, key)
        tags = {"mlflow.note.content": note[:TAG_LENGTH], tag_names.OUTCOME: outcome}
        metrics = [
            Metric(metric, value, one.at_ms, one.number)
            for one in rounds
            for metric, value in one.metrics.items()
        ]
        client.log_batch(run_id, metrics=metrics, tags=[RunTag(*pair) for pair in tags.items()])
        for one in rounds:
            _put_below(client, run_id, one)
        if page is not None:
            client.log_artifact(run_id, str(page), PAGE)
        if outcome == "finished":
            client.set_terminated(run_id, "FINISHED", rounds[-1].at_ms if rounds else None)
        else:
            client.update_run(run_id, status="RUNNING")
    return run_id


def write_undone(uri: str, run_id: str, why: str) -> None:
    """Mark a sweep's run as taken back: it stays, and is no round any more.

    Raises:
        TrackingError: MLflow refuses; MlflowAway if a later try may succeed.
    """
    client = connect(uri)
    with talking(uri):
        client.set_tag(run_id, tag_names.UNDONE, why[:TAG_LENGTH])
        if tag_names.PARENT in client.get_run(run_id).data.tags:
            client.delete_tag(run_id, tag_names.PARENT)


def _run_over_all(client: MlflowClient, experiment_id: str, name: str, key: str) -> str:
    quoted = key.replace("'", "")
    known = next(all_runs(client, [experiment_id], f"tags.`{tag_names.ROUNDS_KEY}` = '{quoted}'"), None)
    if known is not None:
        return str(known.info.run_id)
    tags = {**standard_tags(), "mlflow.source.name": "platform.rounds", tag_names.ROUNDS_KEY: quoted}
    return str(client.create_run(experiment_id, run_name=name, tags=tags).info.run_id)


def _put_below(client: MlflowClient, parent: str, one: RoundRun) -> None:
    metrics = [Metric(f"round/{name}", value, one.at_ms, 0) for name, value in one.metrics.items()]
    tags = [RunTag(tag_names.PARENT, parent), *(RunTag(*pair) for pair in one.tags.items())]
    client.log_batch(one.run_id, metrics=metrics, tags=tags)
