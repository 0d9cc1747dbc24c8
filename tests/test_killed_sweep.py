"""A sweep whose processes are all killed goes on as if nothing had been: real processes, real signals."""

import signal
import subprocess
import sys

import pandas as pd
import psutil
import pytest
from mlflow import MlflowClient

SPACE = """
name: digits
epochs: 2
batch_size: 64
image_size: 8
data: {source: digits, noise: {kind: symmetric, rate: 0.3}}
model: {backbone: test_resnet}
method: {name: cross_entropy, label_smoothing: {uniform: [0.0, 0.3]}}
optim: {lr: {loguniform: [1e-3, 1e-1]}}
schedule: {name: constant, warmup_epochs: 0}
search: {trials: 6, sampler: {name: curves, n_startup_trials: 2}, scheduler: {name: none}}
resources: {max_concurrent_trials: 1}
"""


@pytest.fixture
def command(tmp_path):
    space = tmp_path / "space.yaml"
    space.write_text(SPACE)
    return [sys.executable, "-m", "platform.search", str(space), "--out", str(tmp_path / "runs")]


def kill_all(process):
    """The driver and everything that it has started, Ray's processes among them, none of them warned."""
    for one in [*psutil.Process(process.pid).children(recursive=True), process]:
        try:
            one.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    process.wait()


def measured(folder):
    table = pd.read_csv(folder / "trials.csv", dtype={"trial": str})
    return (
        table.sort_values("trial").filter(regex="^(trial$|method|optim|val/accuracy)").reset_index(drop=True)
    )


@pytest.mark.timeout(1800)
def test_a_killed_sweep_ends_as_an_unbroken_one_would(command, run_search, environment, root, tmp_path):
    done = run_search(tmp_path / "space.yaml", "--name", "unbroken")
    assert done.returncode == 0, done.stdout + done.stderr

    broken = [*command, "--name", "broken"]
    process = subprocess.Popen(broken, cwd=root, env=environment, stdout=subprocess.PIPE, text=True)
    while line := process.stdout.readline():
        if "[3/6]" in line:
            break
    kill_all(process)
    process.stdout.close()
    resumed = run_search(tmp_path / "space.yaml", "--name", "broken", "--resume")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr

    runs = tmp_path / "runs"
    pd.testing.assert_frame_equal(measured(runs / "broken"), measured(runs / "unbroken"))
    client = MlflowClient(environment["MLFLOW_TRACKING_URI"])
    experiment = client.get_experiment_by_name("digits").experiment_id
    trials = client.search_runs([experiment], "tags.sweep = 'broken' and params.`optim.lr` != ''")
    assert sorted(run.info.run_name for run in trials) == [f"broken/000{number}" for number in range(6)]
    for run in trials:
        history = client.get_metric_history(run.info.run_id, "val/accuracy")
        assert [metric.step for metric in history] == [1, 2]
