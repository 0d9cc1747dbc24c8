"""One YAML becomes trials, a table, a report and MLflow runs; its trials are compared, rerun and reused."""

import json
import re
import sys
from pathlib import Path

import pandas as pd
import pytest

from platform.reference.metrics import undescribed
from platform.tracking.tracking_config import TrackingConfig, TrackingError
from platform.tuning.resume.rerun import past_trial, space_of
from tests.sweeps.runs import PLANTED

pytestmark = [pytest.mark.sweep, pytest.mark.timeout(1800)]

EXPERIMENT = "noisy digits"

PEER = """
name: peer
experiment: noisy digits
epochs: 1
batch_size: 64
image_size: 8
seed: 3
data: {source: digits, noise: {kind: symmetric, rate: 0.3}, seed: 5}
model: {backbone: test_resnet}
method: {name: peer, drop_rate: {uniform: [0.1, 0.4]}, ramp_epochs: 1}
stages: [{name: head, trainable: head}, {name: all, optim: {lr: 0.02}}]
search: {trials: 2, metric: val/loss, scheduler: {name: none}}
resources: {max_concurrent_trials: 1}
"""


@pytest.fixture(scope="module")
def peer(first):
    """A sweep of another method in the same experiment, and what it printed."""
    space = first.runs.path / "peer.yaml"
    space.write_text(PEER)
    return first.runs.done(space)


def test_it_ends_with_a_table_and_the_path_of_the_report(first):
    done = first.result
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    lines = done.stdout.strip().splitlines()
    assert lines[-1] == f"report: {first.folder}/report/index.html"
    assert [line.split()[0] for line in lines[-7:-1]] == ["1", "2", "3", "4", "5", "6"]
    assert lines[-8].split()[:3] == ["#", "trial", "val/accuracy"]
    assert sum(bool(re.match(r"\[\d/6\] trial 000\d finished: val/accuracy", line)) for line in lines) == 6


def test_it_writes_its_trials_a_report_and_the_manifest(first):
    assert len(pd.read_csv(first.folder / "trials.csv")) == 6
    assert (first.folder / "report" / "index.html").stat().st_size > 10_000
    manifest = pd.read_parquet(first.folder / "manifest.parquet")
    assert set(manifest["split"]) == {"train", "val", "test"}
    training = manifest[manifest["split"] == "train"]
    assert (training["label"] != training["clean"]).mean() == pytest.approx(0.3, abs=0.05)


def test_mlflow_has_a_run_a_trial_with_its_parameters_and_epochs(first):
    runs = first.runs.trials_in_mlflow("first", EXPERIMENT)
    assert len(runs) == 6
    assert {run.info.status for run in runs} == {"FINISHED"}
    for run in runs:
        searched = {"method.label_smoothing", "optim.lr"}
        assert set(run.data.params) == {*searched, "method.name", "model.backbone"}
        assert first.runs.epochs_in_mlflow(run) == [1, 2, 3]
        assert undescribed(run.data.metrics) == []
        checkpoint = json.loads((Path(run.data.tags["checkpoint"]) / "checkpoint.json").read_text())
        assert checkpoint["trial"]["optim"]["lr"] == pytest.approx(float(run.data.params["optim.lr"]))
    client = first.runs.client
    parent = client.get_run(runs[0].data.tags["mlflow.parentRunId"])
    assert parent.data.tags["git_commit"] and parent.data.tags["data_digest"]
    assert parent.data.metrics
    assert undescribed(parent.data.metrics, of_sweep=True) == []
    logged = {item.path for item in client.list_artifacts(parent.info.run_id)}
    assert {"report", "space.yaml", "plan.txt"} <= logged


def test_sweeps_of_two_methods_are_compared_in_one_experiment(first, peer):
    said = peer.splitlines()
    assert said[0] == f"sweep peer in {first.runs.out}/peer/, MLflow experiment {EXPERIMENT}"
    assert said[1].startswith("data: digits (digits): 10 classes of ")
    assert said[2].startswith("on purpose: data.noise symmetric makes ")

    client = first.runs.client
    assert {each.name for each in client.search_experiments()} == {"Default", EXPERIMENT}
    experiment = client.get_experiment_by_name(EXPERIMENT).experiment_id
    methods = {"first": ("cross_entropy", 6), "peer": ("peer", 2)}
    for sweep, (method, count) in methods.items():
        trials = first.runs.trials_in_mlflow(sweep, EXPERIMENT)
        names = [f"{sweep}/{number:04d}" for number in range(count)]
        assert [run.info.run_name for run in trials] == names
        assert {run.data.params["method.name"] for run in trials} == {method}
        runs = client.search_runs([experiment], f"tags.sweep = '{sweep}'")
        assert len(runs) == count + 1, "besides, a parent a sweep"

        table = first.runs.table(sweep).set_index("trial")
        assert len(table) == count, "a report has its own sweep's trials alone"
        assert "parameter method.name" not in table, "which was not searched"
        for run in trials:
            metric = "val/loss" if sweep == "peer" else "val/accuracy"
            in_table = table.loc[run.data.tags["trial_id"], f"{metric} last"]
            assert run.data.metrics[metric] == pytest.approx(in_table, abs=1e-4)
        assert EXPERIMENT in (first.runs.out / sweep / "report" / "index.html").read_text()

    tracking = TrackingConfig(uri=first.runs.environment["MLFLOW_TRACKING_URI"])
    past = past_trial(trials[0].info.run_id, tracking)
    again = space_of(past, first.runs.path / "again.yaml").first()
    assert (again.name, again.experiment, again.method.name) == ("peer", EXPERIMENT, "peer")


def test_a_trial_runs_again_from_its_mlflow_run_alone(first, peer):
    trial = first.runs.trials_in_mlflow("peer", EXPERIMENT)[0]
    assert "stages.1.optim.lr" in trial.data.tags["constants"]

    space = first.runs.path / "changed.yaml"
    space.write_text(PEER.replace("seed: 3", "seed: 4").replace("epochs: 1", "epochs: 9"))
    last = first.runs.done(space, "--trial", trial.info.run_id).strip().splitlines()[-1]
    assert (
        last.startswith("val/loss is reproduced: ")
        and "in epoch 2; largest difference in an epoch 0," in last
    )
    assert (first.runs.out / "peer-0000-again" / "report" / "index.html").exists()

    tracking = TrackingConfig(uri=first.runs.environment["MLFLOW_TRACKING_URI"])
    with pytest.raises(TrackingError, match="no trial of a sweep"):
        past_trial(trial.data.tags["mlflow.parentRunId"], tracking)


def test_no_secret_of_the_environment_is_written(first):
    """Nor into MLflow's database and artifacts, which lie beside the sweep's folder."""
    files = [path for path in first.runs.path.rglob("*") if path.is_file()]
    assert len(files) > 30
    assert [path for path in files if PLANTED.encode() in path.read_bytes()] == []
    assert PLANTED not in first.result.stdout + first.result.stderr


def test_trials_run_before_with_this_code_on_these_data_are_not_run_again(first):
    """``search.reuse`` answers trials from earlier sweeps of committed code alone; they cost no budget."""
    options = ["--name", "second", "--trials", "3", "search.reuse=true", "search.budget.epochs=1"]
    done = first.run(*first.runs.command(*options))
    assert done.returncode == 0, done.stdout + done.stderr
    lines = re.findall(r"^\[\d/3\] trial 000\d .*, reused from first/000\d", done.stdout, re.MULTILINE)
    assert len(lines) == 3, done.stdout
    again, before = first.runs.table("second"), first.runs.table("first").set_index("trial")
    for _, row in again.iterrows():
        sweep, _, trial = row["reused_from"].partition("/")
        assert sweep == "first"
        assert row["val/accuracy"] == before.loc[trial, "val/accuracy"]
        assert row["parameter optim.lr"] == before.loc[trial, "parameter optim.lr"]
    runs = first.runs.trials_in_mlflow("second", EXPERIMENT)
    assert len(runs) == 3
    for run in runs:
        assert run.data.tags["reused_from"] == f"first/{run.data.tags['trial_id']}"
        assert first.runs.epochs_in_mlflow(run) == [1, 2, 3]
        assert f"{first.runs.out}/second/trials" in run.data.tags["checkpoint"]

    uncommitted = first.checkout / "platform" / "not_committed.py"
    uncommitted.touch()
    asks = "from platform.tuning.search.reuse import reuse_of; assert reuse_of(None, None, None) is None"
    done = first.run(sys.executable, "-c", asks)
    uncommitted.unlink()
    assert done.returncode == 0, done.stderr
    assert "the code has changes that are not committed" in done.stderr
