"""Where MLflow's records go: the section of the YAML, and how an address is found and checked."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from pydantic import Field, model_validator

from platform.config.errors import UserError
from platform.config.section import Section, reject

ENVIRONMENT_VARIABLE = "MLFLOW_TRACKING_URI"
_SQLITE = "sqlite:///"
_SCHEMES = ("sqlite", "http", "https", "postgresql", "mysql", "mssql", "databricks")


class TrackingError(UserError):
    """MLflow cannot be used as asked; ``str()`` is one line that says where and what would be right."""


class MlflowAway(TrackingError):
    """MLflow does not answer, or not now: the same will be taken later."""


class TrackingConfig(Section):
    """The ``tracking:`` section of a sweep's YAML."""

    uri: str | None = Field(
        None,
        description="MLflow's address: sqlite:///file.db, http(s)://server or a database; "
        "null: MLFLOW_TRACKING_URI, else sqlite:///mlflow.db in the current folder",
    )

    @model_validator(mode="after")
    def _uri_is_known(self) -> Self:
        if self.uri is not None and (problem := _problem(self.uri)):
            reject("uri", problem, self.uri)
        return self


def resolve_uri(config: TrackingConfig, environment: Mapping[str, str] | None = None) -> str:
    """The address in use: ``tracking.uri``, else ``MLFLOW_TRACKING_URI``, else SQLite in the current folder.

    A relative SQLite file becomes absolute, so that a report made from another folder finds it.

    Raises:
        TrackingError: the address has a form that MLflow does not serve.
    """
    environment = os.environ if environment is None else environment
    given, name = config.uri, "tracking.uri"
    if given is None and environment.get(ENVIRONMENT_VARIABLE):
        given, name = environment[ENVIRONMENT_VARIABLE], ENVIRONMENT_VARIABLE
    uri = f"{_SQLITE}mlflow.db" if given is None else given
    if problem := _problem(uri):
        raise TrackingError(f"{name}: {problem}, got {shown_uri(uri)!r}")
    path = sqlite_path(uri)
    return uri if path is None else f"{_SQLITE}{path}"


def sqlite_path(uri: str) -> Path | None:
    """The database file of a SQLite address, absolute; None for every other address."""
    return Path(uri.removeprefix(_SQLITE)).absolute() if uri.startswith(_SQLITE) else None


def shown_uri(uri: str) -> str:
    """The address as it may be printed or put on a page: without its password."""
    parts = urlsplit(uri)
    if "@" not in parts.netloc:
        return uri
    login, host = parts.netloc.rsplit("@", 1)
    return urlunsplit(parts._replace(netloc=f"{login.split(':', 1)[0]}:***@{host}"))


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
