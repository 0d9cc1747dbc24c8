"""Trials of several workers on a real Ray cluster of several nodes, whose processes and machines die."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jsonschema
import psutil
import pytest
import ray
from mlflow import MlflowClient
from ray.cluster_utils import Cluster
from ruamel.yaml import YAML

SPACE = """
name: spread
epochs: 6
batch_size: 64
image_size: 8
data: {source: digits, noise: {kind: symmetric, rate: 0.3}}
model: {backbone: test_resnet}
method: {name: peer, drop_rate: {uniform: [0.1, 0.4]}, ramp_epochs: 1}
optim: {lr: {loguniform: [1e-2, 1e-1]}}
schedule: {name: constant, warmup_epochs: 0}
resources: {workers: 2, gpus_per_worker: 0.0}
search: {trials: 2, scheduler: {name: none}}
"""
SECONDS = 840


class Machines(Cluster):
    """A head without cores, and nodes that share no folder with it or each other.

    In a shared one, each would replace the code that another has unpacked, as a worker there imports it.
    """

    def __init__(self):
        super().__init__(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        self.folders = []

    def add_machine(self):
        self.folders.append(tempfile.mkdtemp(prefix="ray"))  # short: sockets lie in it
        self.add_node(num_cpus=1, temp_dir=self.folders[-1])

    def shutdown(self):
        super().shutdown()
        for folder in self.folders:
            shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def cluster():
    """A head without cores and three nodes of one core each: raylets of their own on this machine."""
    found = Machines()
    for _ in range(3):
        found.add_machine()
    yield found
    found.shutdown()


@pytest.fixture
def sweep(cluster, root, tmp_path):
    """A sweep that has just been started there, as a user starts it."""
    space = tmp_path / "space.yaml"
    space.write_text(SPACE)
    command = [sys.executable, "-m", "platform.search", str(space), "--out", str(tmp_path / "runs")]
    environment = {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}
    with (tmp_path / "said.txt").open("w") as said:
        process = subprocess.Popen(
            [*command, "--address", cluster.address], cwd=root, env=environment, stdout=said, stderr=said
        )
        yield process
        process.kill()


def wait_for(condition, process):
    until = time.monotonic() + SECONDS
    while not condition():
        assert process.poll() is None and time.monotonic() < until
        time.sleep(0.2)


def train_workers():
    return [
        p for p in psutil.process_iter(["cmdline"]) if (p.info["cmdline"] or [""])[0] == "ray::RayTrainWorker"
    ]


def node_of_a_worker(cluster):
    """The node on which a trial's worker runs."""
    for node in cluster.worker_nodes:
        raylet = psutil.Process(node.all_processes["raylet"][0].process.pid)
        children = {child.pid for child in raylet.children(recursive=True)}
        if any(worker.pid in children for worker in train_workers()):
            return node
    raise AssertionError("no node has a worker")


@pytest.mark.sweep
@pytest.mark.timeout(1800)
def test_a_sweep_survives_the_death_of_a_process_and_of_a_machine(cluster, sweep, tmp_path):
    trials = tmp_path / "runs" / "spread" / "trials"
    wait_for(lambda: list(trials.glob("0000/checkpoint_00*")), sweep)
    train_workers()[0].kill()
    wait_for(lambda: list(trials.glob("0001/checkpoint_00*")), sweep)
    cluster.remove_node(node_of_a_worker(cluster), allow_graceful=False)
    cluster.add_machine()
    said = tmp_path / "said.txt"
    assert sweep.wait() == 0, said.read_text()

    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = client.get_experiment_by_name("spread").experiment_id
    runs = [run for run in client.search_runs([experiment]) if "mlflow.parentRunId" in run.data.tags]
    assert sorted(run.data.tags["trial_id"] for run in runs) == ["0000", "0001"]
    for run in runs:
        assert run.data.tags["outcome"] == "finished"
        steps = [metric.step for metric in client.get_metric_history(run.info.run_id, "val/accuracy")]
        assert steps == [1, 2, 3, 4, 5, 6], "no epoch is missing, none is there twice"
        best, last = (run.data.tags[name] for name in ("checkpoint", "checkpoint_last"))
        assert last.endswith("checkpoint_000006") and os.path.isdir(best) and os.path.isdir(last)
    assert (tmp_path / "runs" / "spread" / "report" / "index.html").is_file()


def test_the_cluster_that_the_readme_names_is_one_that_ray_can_start(root):
    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    described = YAML(typ="safe").load(root / "docs" / "cluster" / "ray_cluster.yaml")
    jsonschema.validate(described, schema)
