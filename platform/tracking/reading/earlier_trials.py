"""Trials of any sweep that ran to their end with the same code on the same data, as MLflow knows them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import Run, ViewType

from platform.tracking import tag_names as names
from platform.tracking.connect import connect, talking
from platform.tracking.fields import shown
from platform.tracking.runs import all_runs

_DATA, _SOURCE = "data.", "data.source"


@dataclass(frozen=True)
class EarlierTrial:
    """``name``: SWEEP/0003; ``folder``: where its checkpoints lay when it ended."""

    name: str
    config: dict[str, Any]
    folder: Path


def earlier_trials(
    uri: str, *, code: str, data_digest: str, data_settings: Mapping[str, object]
) -> list[EarlierTrial]:
    """In the order in which they started, trials of every experiment at ``uri``, those that were reused not.

    ``data_settings``: the section ``data`` by dotted names. It must be the same but for where the images lie:
    of what metrics are made of them the digest says nothing.

    Raises:
        TrackingError: no MLflow at ``uri``.
    """
    client = connect(uri)
    with talking(uri):
        runs = _finished(client, code)
        parents = {run.data.tags[names.PARENT] for run in runs}
        alike = {
            parent for parent in parents if _is_alike(client.get_run(parent), data_digest, data_settings)
        }
    return [
        EarlierTrial(
            name=f"{run.data.tags[names.SWEEP]}/{run.data.tags[names.TRIAL_ID]}",
            config=json.loads(run.data.tags[names.CONFIG]),
            folder=Path(run.data.tags[names.CHECKPOINT_LAST]).parent,
        )
        for run in runs
        if run.data.tags[names.PARENT] in alike
        and run.data.tags.get(names.CHECKPOINT_LAST, names.DELETED) != names.DELETED
        and names.REUSED_FROM not in run.data.tags
    ]


def _finished(client: MlflowClient, code: str) -> list[Run]:
    experiments = [each.experiment_id for each in client.search_experiments(view_type=ViewType.ACTIVE_ONLY)]
    of_code = f"tags.`{names.CODE}` = '{code}' AND tags.`{names.OUTCOME}` = 'finished'"
    return list(all_runs(client, experiments, of_code))


def _is_alike(parent: Run, data_digest: str, data_settings: Mapping[str, object]) -> bool:
    then = {name: text for name, text in parent.data.params.items() if name.startswith(_DATA)}
    now = {name: shown(value) for name, value in data_settings.items()}
    then.pop(_SOURCE, None)
    now.pop(_SOURCE, None)
    return then == now and parent.data.tags.get(names.DATA_DIGEST) == data_digest
