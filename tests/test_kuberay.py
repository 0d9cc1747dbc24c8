"""docs/cluster/ray_job.yaml: what it says to KubeRay, and the command in it."""

import copy
import os
import re
import subprocess
import sys

import jsonschema
import pytest
from ruamel.yaml import YAML

pytestmark = pytest.mark.sweep


@pytest.fixture
def schema(root):
    return YAML(typ="safe").load(root / "tests" / "data" / "kuberay_ray_job.yaml")


@pytest.fixture
def job(root):
    return YAML(typ="safe").load(root / "docs" / "cluster" / "ray_job.yaml")


@pytest.fixture
def pods(job):
    """The pod of the head, then of each group of workers."""
    cluster = job["spec"]["rayClusterSpec"]
    return [each["template"]["spec"] for each in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])]


def renamed(tree, path, key, wrong):
    """A copy of the tree in which a key at ``path`` is spelt otherwise."""
    changed = copy.deepcopy(tree)
    section = changed
    for step in path:
        section = section[step]
    section[wrong] = section.pop(key)
    return changed


def test_the_job_that_the_readme_names_is_one_that_kuberay_takes(job, schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(job, schema)


@pytest.mark.parametrize(
    ("path", "key", "wrong"),
    [
        (["spec"], "entrypoint", "entryPoint"),
        (["spec"], "shutdownAfterJobFinishes", "shutdownAfterJobFinish"),
        (["spec", "rayClusterSpec"], "workerGroupSpecs", "workerGroupSpec"),
        (["spec", "rayClusterSpec", "headGroupSpec"], "rayStartParams", "rayStartParameters"),
        (["spec", "rayClusterSpec", "workerGroupSpecs", 0], "minReplicas", "minReplica"),
        (
            ["spec", "rayClusterSpec", "workerGroupSpecs", 0, "template", "spec", "containers", 0],
            "volumeMounts",
            "volumes",
        ),
    ],
)
def test_a_misspelt_field_is_found(job, schema, path, key, wrong):
    with pytest.raises(jsonschema.ValidationError, match=wrong):
        jsonschema.validate(renamed(job, path, key, wrong), schema)


def test_its_command_is_one_of_ours_and_finds_its_files(job, root, tmp_path):
    entrypoint = job["spec"]["entrypoint"]
    assert not re.search(r"[;&|$<>`]", entrypoint), "KubeRay's shell would take these for its own"
    here = entrypoint.replace("/shared/platform", str(root)).replace("/shared/runs", str(tmp_path))
    here = here.replace("python ", f"{sys.executable} ", 1)
    done = subprocess.run(
        f"{here} --plan", shell=True, cwd=tmp_path, env=os.environ, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "on the cluster" in done.stdout


def test_every_pod_sees_the_volume_and_has_the_locked_ray(job, pods, root):
    locked = re.search(r"^ray==(\S+)", (root / "requirements.lock").read_text(), re.MULTILINE)[1]
    assert job["spec"]["rayClusterSpec"]["rayVersion"] == locked
    for pod in pods:
        (container,) = pod["containers"]
        assert container["image"].endswith(f":{locked}")
        (mount,) = container["volumeMounts"]
        assert mount["mountPath"] == "/shared" and mount["name"] == pod["volumes"][0]["name"]
    assert len({pod["volumes"][0]["persistentVolumeClaim"]["claimName"] for pod in pods}) == 1


def test_the_head_alone_writes_to_mlflow_and_trials_go_to_gpus(job, pods):
    head, workers = pods
    assert head["containers"][0]["env"][0]["name"] == "MLFLOW_TRACKING_URI"
    assert job["spec"]["rayClusterSpec"]["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    given = workers["containers"][0]["resources"]["limits"]
    assert f"resources.cpus_per_worker={given['cpu']}" in job["spec"]["entrypoint"]
    assert f"resources.gpus_per_worker={given['nvidia.com/gpu']}" in job["spec"]["entrypoint"]
