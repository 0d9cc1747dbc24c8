"""Finds finished trials of any sweep with the same code and data in MLflow."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run, ViewType

from platform.tracking import tag_names
from platform.tracking.connect import connect, talking
from platform.tracking.fields import shown
from platform.tracking.runs import all_runs

_DATA, _SOURCE = "data.", "data.source"


@dataclass(frozen=True)
class EarlierTrial:
    """``name``: SWEEP/0003; ``folder``: where its checkpoints were when it ended."""

    name: str
    config: dict[str, Any]
    folder: Path


def earlier_trials(
    uri: str, *, code: str, data_digest: str, data_settings: Mapping[str, object]
) -> list[EarlierTrial]:
    """The trials of all experiments at ``uri`` that were trained, in the order in which they started.

    ``data_settings``: the section ``data`` by dotted names. It must be equal except for the
    place of the images, as the digest does not cover how metrics are computed.

    Raises:
        TrackingError: no MLflow at ``uri``.
    """
    client = connect(uri)
    with talking(uri):
        runs = _finished(client, code)
        parents = {run.data.tags[tag_names.PARENT] for run in runs}
        alike = {
            parent for parent in parents if _is_alike(client.get_run(parent), data_digest, data_settings)
        }
    return [
        EarlierTrial(
            name=f"{run.data.tags[tag_names.SWEEP]}/{run.data.tags[tag_names.TRIAL_ID]}",
            config=json.loads(run.data.tags[tag_names.CONFIG]),
            folder=Path(run.data.tags[tag_names.CHECKPOINT_LAST]).parent,
        )
        for run in runs
        if run.data.tags[tag_names.PARENT] in alike
        and run.data.tags.get(tag_names.CHECKPOINT_LAST, tag_names.DELETED) != tag_names.DELETED
        and tag_names.REUSED_FROM not in run.data.tags
    ]


def _finished(client: MlflowClient, code: str) -> list[Run]:
    experiments = [each.experiment_id for each in client.search_experiments(view_type=ViewType.ACTIVE_ONLY)]
    of_code = f"tags.`{tag_names.CODE}` = '{code}' AND tags.`{tag_names.OUTCOME}` = 'finished'"
    return list(all_runs(client, experiments, of_code))


def _is_alike(parent: Run, data_digest: str, data_settings: Mapping[str, object]) -> bool:
    then = {name: text for name, text in parent.data.params.items() if name.startswith(_DATA)}
    now = {name: shown(value) for name, value in data_settings.items()}
    then.pop(_SOURCE, None)
    now.pop(_SOURCE, None)
    return then == now and parent.data.tags.get(tag_names.DATA_DIGEST) == data_digest
