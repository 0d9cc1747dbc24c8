"""A search inside a submitted Ray job; tests/sweeps/test_ray_job.py submits a real one."""

import json

import pytest

from platform.config.errors import UserError
from platform.config.invocation import ROOT
from platform.tracking.tracking_config import TrackingConfig
from platform.tuning.cluster.job import beside_the_job, refuse_unpacked_folder

OWN = {"working_dir": "here", "excludes": [".git"], "env_vars": {"A": "1", "B": "2"}}


@pytest.fixture
def in_job(monkeypatch):
    def submitted(**runtime_env):
        config = {"runtime_env": runtime_env or None, "metadata": {}}
        monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", json.dumps(config))

    return submitted


def test_the_driver_gives_what_the_job_does_not(in_job, monkeypatch):
    monkeypatch.delenv("RAY_JOB_CONFIG_JSON_ENV_VAR", raising=False)
    assert beside_the_job(OWN) == OWN
    in_job()
    assert beside_the_job(OWN) == OWN, "as KubeRay does without a runtimeEnvYAML"
    in_job(working_dir="gcs://it.zip", env_vars={"B": "3"})
    assert beside_the_job(OWN) == {"env_vars": {"A": "1"}}
    in_job(pip=["x"])
    assert beside_the_job(OWN) == OWN


def test_results_do_not_go_into_the_unpacked_folder_of_a_job(in_job, tmp_path):
    elsewhere, server = tmp_path / "runs", TrackingConfig(uri="http://mlflow")
    refuse_unpacked_folder(ROOT / "runs", TrackingConfig(uri=f"sqlite:///{ROOT}/mlflow.db"))
    in_job(working_dir="gcs://it.zip")
    refuse_unpacked_folder(elsewhere, server)
    with pytest.raises(UserError, match=r"--out: .*/runs lies in the folder that Ray unpacked for this job"):
        refuse_unpacked_folder(ROOT / "runs", server)
    with pytest.raises(UserError, match=r"tracking.uri: .*/mlflow.db lies in the folder that Ray unpacked"):
        refuse_unpacked_folder(elsewhere, TrackingConfig(uri=f"sqlite:///{ROOT}/mlflow.db"))
