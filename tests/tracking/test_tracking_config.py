from pathlib import Path

import pytest
from pydantic import ValidationError

from platform.config.secrets import shown_uri
from platform.tracking.tracking_config import TrackingConfig, TrackingError, resolve_uri

SERVER = {"MLFLOW_TRACKING_URI": "http://127.0.0.1:5000"}


def test_without_any_setting_it_is_sqlite_in_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert resolve_uri(TrackingConfig(), {}) == f"sqlite:///{tmp_path}/mlflow.db"


def test_the_environment_counts_where_the_yaml_is_silent():
    assert resolve_uri(TrackingConfig(), SERVER) == "http://127.0.0.1:5000"


def test_the_yaml_beats_the_environment_and_its_relative_file_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = TrackingConfig(uri="sqlite:///runs/all.db")
    assert resolve_uri(config, SERVER) == f"sqlite:///{Path('runs/all.db').absolute()}"


def test_an_empty_variable_is_no_setting(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert resolve_uri(TrackingConfig(), {"MLFLOW_TRACKING_URI": ""}).endswith("/mlflow.db")


@pytest.mark.parametrize(
    "uri", ["ftp://host", "./mlruns", "file:///tmp/mlruns", "sqlite:///", "sqlite://a.db"]
)
def test_an_address_mlflow_does_not_serve_is_refused_in_the_yaml_and_in_the_environment(uri):
    with pytest.raises(ValidationError, match="must|no longer"):
        TrackingConfig(uri=uri)
    with pytest.raises(TrackingError) as error:
        resolve_uri(TrackingConfig(), {"MLFLOW_TRACKING_URI": uri})
    assert str(error.value).startswith("MLFLOW_TRACKING_URI: ")
    assert uri in str(error.value)


@pytest.mark.parametrize(
    "uri",
    ["https://mlflow.example.org", "postgresql+psycopg://u@db/x", "databricks", "databricks://me"],
)
def test_addresses_of_servers_and_databases_stay_as_they_are(uri):
    assert resolve_uri(TrackingConfig(uri=uri), {}) == uri


def test_a_password_is_never_shown():
    assert shown_uri("http://ann:secret@host:5000/x") == "http://ann:***@host:5000/x"
    assert shown_uri("sqlite:////tmp/a@b.db") == "sqlite:////tmp/a@b.db"


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({"outcome": "mine"}, "the tag 'outcome' is written by the platform"),
        ({"mlflow.runName": "mine"}, "the tag 'mlflow.runName' is written by the platform or MLflow"),
        ({"night/x": "1"}, "names must be letters, digits, '_', '.', '-' and spaces, got 'night/x'"),
        ({"": "1"}, "got ''"),
        ({"night": "x" * 5001}, "'night' has 5001 characters, of which MLflow keeps 5000"),
        ({"night": 1}, "should be a valid string"),
    ],
)
def test_a_tag_that_mlflow_or_the_platform_would_not_keep_is_refused(tags, said):
    with pytest.raises(ValidationError, match=said):
        TrackingConfig(tags=tags)
    assert TrackingConfig(tags={"night": "digits@2026-11-30"}).tags == {"night": "digits@2026-11-30"}
