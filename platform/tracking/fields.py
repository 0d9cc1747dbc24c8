"""What runs bear in MLflow: the tags, parameters and data set of a sweep and of a trial."""

import json
from collections.abc import Mapping

from mlflow.entities import Dataset, DatasetInput, InputTag

from platform.tracking import tag_names as names
from platform.tracking.environment import CodeVersion, user_name
from platform.tracking.records import DatasetRecord, SweepDescription
from platform.tracking.tracking_config import TrackingError

TAG_LENGTH = 8000
_PARAM_LENGTH = 6000
_DATASET_DIGEST_LENGTH = 36


def sweep_tags(sweep: SweepDescription, code: CodeVersion) -> dict[str, str]:
    """What the parent says of the sweep: code, data, seed, command, goals."""
    return {
        **({names.GOALS: ", ".join(sweep.goals)} if sweep.goals else {}),
        names.GIT_COMMIT: code.commit,
        names.GIT_DIRTY: code.dirty,
        names.LOCK_DIGEST: code.lock,
        names.DATA_DIGEST: sweep.data.digest,
        names.SEED: str(sweep.seed),
        names.COMMAND: sweep.command[:TAG_LENGTH],
        "mlflow.source.git.commit": code.commit,
    }


def trial_tags(
    *, searched: Mapping[str, object], constants: Mapping[str, object], config: Mapping[str, object]
) -> dict[str, str]:
    """What a trial's run says of its config.

    Raises:
        TrackingError: one of them is longer than MLflow keeps.
    """
    return {
        names.METHOD: str(_at(config, "method", "name")),
        names.BACKBONE: str(_at(config, "model", "backbone")),
        names.SEARCHED: _tag(list(searched)),
        names.CONSTANTS: _tag(constants),
        names.CONFIG: _tag(config),
    }


def trial_params(searched: Mapping[str, object], config: Mapping[str, object]) -> dict[str, object]:
    """``searched`` and, of the rest, ``names.COLUMNS``, by which trials of several sweeps are compared."""
    columns = {name: _at(config, *name.split(".")) for name in names.COLUMNS}
    return {**{name: value for name, value in columns.items() if value}, **searched}


def shown(value: object) -> str:
    """A parameter as MLflow shows it: text as it is, everything else as JSON (true, null, 0.1, [1, 2])."""
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return text[:_PARAM_LENGTH]


def standard_tags() -> dict[str, str]:
    return {
        "mlflow.user": user_name(),
        "mlflow.source.name": "platform.search",
        "mlflow.source.type": "LOCAL",
    }


def dataset_input(data: DatasetRecord) -> DatasetInput:
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


def _tag(values: Mapping[str, object] | list[str]) -> str:
    text = json.dumps(values if isinstance(values, list) else dict(values), separators=(",", ":"))
    if len(text) > TAG_LENGTH:
        raise TrackingError(f"MLflow keeps {TAG_LENGTH} characters of a trial's config; this has {len(text)}")
    return text


def _at(config: Mapping[str, object], section: str, key: str) -> object:
    part = config.get(section)
    return part.get(key, "") if isinstance(part, Mapping) else ""
