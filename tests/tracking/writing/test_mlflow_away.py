"""A real MLflow server is killed in mid-sweep and started again: the sweep goes on, MLflow misses nothing."""

import os
import subprocess
import sys
import time

import pandas as pd
import pytest
from mlflow import MlflowClient

from platform.tracking.writing.spool import read_entries, read_position

pytestmark = pytest.mark.sweep

SPACE = """
name: digits
epochs: 4
batch_size: 64
image_size: 8
data: {source: digits, noise: {kind: symmetric, rate: 0.3}}
model: {backbone: test_resnet}
method: {name: peer, drop_rate: {uniform: [0.1, 0.4]}, ramp_epochs: 1}
schedule: {name: constant, warmup_epochs: 0}
search: {trials: 3, scheduler: {name: none}}
resources: {max_concurrent_trials: 1}
"""


def wait_until(happened, process):
    for _ in range(12_000):
        if happened():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    raise AssertionError("it did not happen within ten minutes")


def test_a_server_is_killed_and_comes_back_while_a_sweep_trains(mlflow_server, root, tmp_path):
    (tmp_path / "space.yaml").write_text(SPACE)
    folder = tmp_path / "runs" / "digits"
    spool = folder / "mlflow_spool.jsonl"

    def reports():
        return sum(entry.call == "report" for entry in read_entries(spool))

    with mlflow_server(tmp_path) as server:
        arguments = [str(tmp_path / "space.yaml"), "--out", str(tmp_path / "runs")]
        process = subprocess.Popen(
            [sys.executable, "-m", "platform.search", *arguments],
            cwd=root,
            env={**os.environ, "MLFLOW_TRACKING_URI": server.address},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        wait_until(lambda: spool.exists() and reports() >= 2, process)
        server.kill()
        delivered, reported = read_position(spool), reports()
        wait_until(lambda: reports() >= reported + 4, process)
        assert read_position(spool) <= delivered + 1, "only what was on its way when the server died"
        server.start()
        said, errors = process.communicate()
        assert process.returncode == 0, said + errors
        words = " ".join(errors.split())
        assert words.count("training goes on, and what it reports waits") == 1, errors
        assert words.count("MLflow answers again") == 1, errors
        assert read_position(spool) == read_entries(spool)[-1].n

        client = MlflowClient(server.address)
        [experiment] = [each for each in client.search_experiments() if each.name == "digits"]
        runs = client.search_runs([experiment.experiment_id])
        trials = [run for run in runs if "trial_id" in run.data.tags]
        assert sorted(run.data.tags["trial_id"] for run in trials) == ["0000", "0001", "0002"]
        assert len(runs) == 4 and {run.info.status for run in runs} == {"FINISHED"}
        for run in trials:
            assert (run.data.tags["attempt"], run.data.tags["outcome"]) == ("1", "finished")
            for name in run.data.metrics:
                points = client.get_metric_history(run.info.run_id, name)
                steps = [1, 2, 3, 4] if name != "train/drop_overlap" else [2, 3, 4]
                assert [point.step for point in points] == steps, name
                assert sorted(points, key=lambda point: point.timestamp) == points
    table = pd.read_csv(folder / "trials.csv", dtype=str)
    assert set(table["mlflow_run"]) == {run.info.run_id for run in trials}
