"""Registers models in MLflow: logged to a sweep's parent run, with one of them as champion."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import pandas as pd
from mlflow.artifacts import download_artifacts
from mlflow.entities import LoggedModel, LoggedModelOutput, LoggedModelStatus
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import (
    INVALID_PARAMETER_VALUE,
    RESOURCE_ALREADY_EXISTS,
    RESOURCE_DOES_NOT_EXIST,
    ErrorCode,
)

from platform.config.environment import environment_with
from platform.tracking import tag_names
from platform.tracking.connect import connect, talking
from platform.tracking.records import WriterState
from platform.tracking.tracking_config import ENVIRONMENT_VARIABLE

Alias = Literal["champion", "challenger"]
CHAMPION: Alias = "champion"
CHALLENGER: Alias = "challenger"
NAME = "winner"
DIGEST_CHARACTERS = 8
DATA = "data"
"""What the folder of a model's data is called."""
_MODELS = "models:/"
_NOT_IN_NAMES = str.maketrans("/:", "--")
_THERE_ALREADY = ErrorCode.Name(RESOURCE_ALREADY_EXISTS)
_NOT_THERE = ErrorCode.Name(RESOURCE_DOES_NOT_EXIST)
_NO_SUCH_ALIAS = ErrorCode.Name(INVALID_PARAMETER_VALUE)


@dataclass(frozen=True)
class ShippedModel:
    """A model to register: the folder of its data, its code, and the module that loads it.

    ``example``: an input, and ``says``: the model's output for it; ``metadata``: notes for people.
    """

    data: Path
    code: Path
    loader: str
    requirements: Sequence[str]
    example: pd.DataFrame
    says: pd.DataFrame
    metadata: Mapping[str, str]


@dataclass(frozen=True)
class Version:
    """A version of a registered model; ``tags``: those it was registered with."""

    name: str
    number: str
    tags: Mapping[str, str]

    def __str__(self) -> str:
        return f"{self.name}, version {self.number}"


class Registry:
    """The registered model of one experiment and data set; every method raises TrackingError.

    It is called after both, and after the data's digest too where a model of other data has that name.
    """

    def __init__(self, state: WriterState, data_name: str, data_digest: str) -> None:
        self._state = state
        self._client = connect(state.uri)
        self._digest = data_digest
        self.name = model_name(state.experiment, data_name)
        if self._digest_of(self.name) not in (None, data_digest):
            self.name = f"{self.name}-{data_digest[:DIGEST_CHARACTERS]}"

    def _digest_of(self, name: str) -> str | None:
        """The digest of the data of the models called ``name``, "" if not noted; None without models."""
        with talking(self._state.uri):
            try:
                return str(self._client.get_registered_model(name).tags.get(tag_names.DATA_DIGEST, ""))
            except MlflowException as error:
                if error.error_code == _NOT_THERE:
                    return None
                raise

    def bearing(self, alias: Alias) -> Version | None:
        """The version with the alias, or None."""
        with talking(self._state.uri):
            try:
                found = self._client.get_model_version_by_alias(self.name, alias)
            except MlflowException as error:
                if error.error_code in (_NOT_THERE, _NO_SUCH_ALIAS):
                    return None
                raise
            return _version(found)

    def file_of(self, version: Version, name: str, folder: Path) -> Path:
        """Download a file of the version's data into ``folder``."""
        with talking(self._state.uri):
            source = self._client.get_model_version(version.name, version.number).source
            logged = self._client.get_logged_model(str(source).removeprefix(_MODELS))
            fetched = download_artifacts(
                f"{logged.artifact_location}/data/{DATA}/{name}",
                dst_path=str(folder),
                tracking_uri=self._state.uri,
            )
        return Path(fetched)

    def log(self, model: ShippedModel) -> str:
        """Log the model to the sweep's parent run; return its id."""
        state = self._state
        with talking(state.uri), TemporaryDirectory() as made:
            logged = self._client.create_logged_model(
                state.experiment_id, NAME, source_run_id=state.parent_run_id, tags=dict(model.metadata)
            )
            folder = Path(made) / "model"
            _save(model, folder, logged, state.parent_run_id)
            self._client.log_model_artifacts(logged.model_id, str(folder))
            self._client.finalize_logged_model(logged.model_id, LoggedModelStatus.READY)
            self._client.log_outputs(state.parent_run_id, [LoggedModelOutput(logged.model_id, step=0)])
        return str(logged.model_id)

    def register(self, model_id: str, alias: Alias, tags: Mapping[str, str]) -> Version:
        """Register a new version, and move the alias to it."""
        with talking(self._state.uri):
            self._be_there()
            # MLflow looks for the model in this store, not in the client's
            with environment_with({ENVIRONMENT_VARIABLE: self._state.uri}):
                made = self._client.create_model_version(
                    self.name,
                    source=f"{_MODELS}{model_id}",
                    run_id=self._state.parent_run_id,
                    tags=dict(tags),
                    model_id=model_id,
                )
            self._client.set_registered_model_alias(self.name, alias, made.version)
            return _version(made)

    def _be_there(self) -> None:
        """Create the registered model if it does not exist."""
        try:
            self._client.create_registered_model(self.name, tags={tag_names.DATA_DIGEST: self._digest})
        except MlflowException as error:
            if error.error_code != _THERE_ALREADY:
                raise


def model_name(experiment: str, data_name: str) -> str:
    """ "EXPERIMENT-DATA", or the experiment alone if it is called after the data."""
    name = experiment if experiment == data_name else f"{experiment}-{data_name}"
    return name.translate(_NOT_IN_NAMES)


def _save(model: ShippedModel, folder: Path, logged: LoggedModel, run_id: str) -> None:
    """Save the model as an MLflow model, with copies of its data and code."""
    with warnings.catch_warnings():
        # from MLflow's own type hints, the untyped column, and its use of pandas
        warnings.filterwarnings("ignore", message=r".*AnyType")
        warnings.filterwarnings("ignore", module=r"mlflow\.")
        import mlflow.pyfunc
        from mlflow.models import Model, ModelSignature, infer_signature

        # no input is described: MLflow would take the rows of a list's images for columns
        signature = ModelSignature(outputs=infer_signature(model.says).inputs)
        mlflow.pyfunc.save_model(
            str(folder),
            loader_module=model.loader,
            data_path=str(model.data),
            code_paths=[str(path) for path in sorted(model.code.iterdir())],
            signature=signature,
            input_example=model.example,
            pip_requirements=list(model.requirements),
            metadata=dict(model.metadata),
            mlflow_model=Model(
                artifact_path=logged.artifact_location,
                model_uuid=logged.model_id,
                run_id=run_id,
                model_id=logged.model_id,
            ),
        )


def _version(found: ModelVersion) -> Version:
    return Version(found.name, str(found.version), dict(found.tags))
