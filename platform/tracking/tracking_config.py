"""The section ``tracking`` of the YAML, and how the address of MLflow is found and checked."""

import os
import re
from collections.abc import MutableMapping
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from platform.config.errors import UserError
from platform.config.secrets import Address, moved_password, shown_uri
from platform.config.section import Section, reject
from platform.tracking import tag_names

ENVIRONMENT_VARIABLE = "MLFLOW_TRACKING_URI"
_SQLITE = "sqlite:///"
_SCHEMES = ("sqlite", "http", "https", "postgresql", "mysql", "mssql", "databricks")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. -]{0,249}")
_LONGEST_TAG = 5000


class TrackingError(UserError):
    """MLflow cannot be used; ``str()`` is one line that says where, and what would be right."""


class MlflowAway(TrackingError):
    """MLflow does not answer, or cannot now: the same request may succeed later."""


class TrackingConfig(Section):
    """The ``tracking:`` section of a sweep's YAML."""

    uri: Address | None = Field(
        None,
        description="MLflow's address: sqlite:///file.db, http(s)://server or a database; "
        "null: MLFLOW_TRACKING_URI, else sqlite:///mlflow.db in the current folder",
        examples=["http://mlflow.example.org:5000"],
    )

    tags: dict[str, str] = Field(
        default_factory=dict,
        description="tags that the MLflow runs of the sweep and of its trials get",
        examples=[{"team": "birds"}],
    )

    @field_validator("tags")
    @classmethod
    def _tags_are_yours(cls, tags: dict[str, str]) -> dict[str, str]:
        for name, value in tags.items():
            if not _TAG.fullmatch(name):
                raise ValueError(f"names must be letters, digits, '_', '.', '-' and spaces, got {name!r}")
            if name in tag_names.OURS or name.startswith("mlflow."):
                raise ValueError(f"the tag {name!r} is written by the platform or MLflow: take another name")
            if len(value) > _LONGEST_TAG:
                raise ValueError(
                    f"{name!r} has {len(value)} characters, of which MLflow keeps {_LONGEST_TAG}"
                )
        return tags

    @model_validator(mode="after")
    def _uri_is_known(self) -> Self:
        if self.uri is not None and (problem := _problem(self.uri)):
            reject("uri", problem, self.uri)
        return self


def resolve_uri(config: TrackingConfig, environment: MutableMapping[str, str] | None = None) -> str:
    """The address in use: ``tracking.uri``, else ``MLFLOW_TRACKING_URI``, else SQLite in the current folder.

    A relative SQLite path becomes absolute, so that a report from another folder finds it. A password in
    ``MLFLOW_TRACKING_URI`` goes to the variables from which MLflow's client takes it.

    Raises:
        TrackingError: the address has a form that MLflow does not serve.
    """
    environment = os.environ if environment is None else environment
    given, name = config.uri, "tracking.uri"
    if given is None and environment.get(ENVIRONMENT_VARIABLE):
        given, name = environment[ENVIRONMENT_VARIABLE], ENVIRONMENT_VARIABLE
        given = environment[name] = moved_password(given, name, environment)
    uri = f"{_SQLITE}mlflow.db" if given is None else given
    if problem := _problem(uri):
        raise TrackingError(f"{name}: {problem}, got {shown_uri(uri)!r}")
    path = sqlite_path(uri)
    return uri if path is None else f"{_SQLITE}{path}"


def sqlite_path(uri: str) -> Path | None:
    """The database file of a SQLite address, absolute; None for every other address."""
    return Path(uri.removeprefix(_SQLITE)).absolute() if uri.startswith(_SQLITE) else None


def _problem(uri: str) -> str | None:
    scheme = uri.split(":", 1)[0].split("+", 1)[0]
    if scheme == "file" or (":" not in uri and scheme != "databricks"):
        return f"MLflow no longer keeps runs in a folder; write {_SQLITE}mlflow.db or a server's address"
    if scheme not in _SCHEMES:
        return f"must start with one of {', '.join(_SCHEMES)}"
    if scheme == "sqlite":
        name = uri.removeprefix(_SQLITE)
        if name == uri or not name or name.startswith(":") or "?" in name:
            return f"must be {_SQLITE} and the path of a file"
    return None
