"""The tags, parameters and data set that MLflow shows for the runs of sweeps and trials."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from platform.tracking import tag_names
from platform.tracking.environment import CodeVersion, user_name
from platform.tracking.records import DatasetRecord, SweepDescription
from platform.tracking.tracking_config import TrackingError

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

PARAMS_A_REQUEST = 100  # MLflow takes no more
TAG_LENGTH = 8000
_PARAM_LENGTH = 6000
_DATASET_DIGEST_LENGTH = 36


def sweep_tags(sweep: SweepDescription, code: CodeVersion) -> dict[str, str]:
    """Tags of the sweep's run: code, data, seed, command, goals."""
    return {
        **sweep.tags,
        **({tag_names.GOALS: ", ".join(sweep.goals)} if sweep.goals else {}),
        tag_names.GIT_COMMIT: code.commit,
        tag_names.GIT_DIRTY: code.dirty,
        tag_names.LOCK_DIGEST: code.lock,
        tag_names.DATA_DIGEST: sweep.data.digest,
        **_cleaning(sweep.data),
        tag_names.SEED: str(sweep.seed),
        tag_names.COMMAND: sweep.command[:TAG_LENGTH],
        "mlflow.source.git.commit": code.commit,
    }


def _cleaning(data: DatasetRecord) -> dict[str, str]:
    """Which manifest and policy the data are of, if of any."""
    digests = {tag_names.MANIFEST_DIGEST: data.manifest, tag_names.POLICY_DIGEST: data.policy}
    return {name: digest for name, digest in digests.items() if digest}


def trial_tags(
    *, searched: Mapping[str, object], constants: Mapping[str, object], config: Mapping[str, object]
) -> dict[str, str]:
    """Tags of a trial's run: its config and what was searched.

    Raises:
        TrackingError: a tag is longer than MLflow allows.
    """
    return {
        tag_names.METHOD: str(_at(config, "method", "name")),
        tag_names.BACKBONE: str(_at(config, "model", "backbone")),
        tag_names.SEARCHED: _tag(list(searched)),
        tag_names.CONSTANTS: _tag(constants),
        tag_names.CONFIG: _tag(config),
    }


def trial_params(searched: Mapping[str, object], config: Mapping[str, object]) -> dict[str, object]:
    """A trial's parameters: ``searched`` and ``tag_names.COLUMNS``, to compare trials of several sweeps."""
    columns = {name: _at(config, *name.split(".")) for name in tag_names.COLUMNS}
    return {**{name: value for name, value in columns.items() if value}, **searched}


def shown(value: object) -> str:
    """A parameter as text: strings unchanged, everything else as JSON (true, null, 0.1, [1, 2])."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text[:_PARAM_LENGTH]


def standard_tags() -> dict[str, str]:
    return {
        "mlflow.user": user_name(),
        "mlflow.source.name": "platform.search",
        "mlflow.source.type": "LOCAL",
    }


def dataset_input(data: DatasetRecord) -> "DatasetInput":
    from mlflow.entities import Dataset, DatasetInput, InputTag  # seconds, which --status does not take

    profile = {"digest": data.digest, "rows": dict(data.rows), "classes": len(data.classes)}
    profile |= _cleaning(data)
    dataset = Dataset(
        name=data.name,
        digest=data.digest[:_DATASET_DIGEST_LENGTH],
        source_type="local",
        source=json.dumps({"uri": data.source}),
        schema=json.dumps({"classes": list(data.classes)}),
        profile=json.dumps(profile),
    )
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])


def _tag(values: Mapping[str, object] | list[str]) -> str:
    text = json.dumps(values if isinstance(values, list) else dict(values), separators=(",", ":"))
    if len(text) > TAG_LENGTH:
        raise TrackingError(f"MLflow keeps {TAG_LENGTH} characters of a trial's config; this has {len(text)}")
    return text


def _at(config: Mapping[str, object], section: str, key: str) -> object:
    part = config.get(section)
    return part.get(key, "") if isinstance(part, Mapping) else ""
