"""A sweep that goes on with another space: real processes, a real Ray, the YAML edited in between."""

import json
from pathlib import Path

import optuna
import pandas as pd
import pytest
from mlflow import MlflowClient
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

SPACE = """
name: digits
epochs: 1
batch_size: 64
image_size: 8
data: {source: digits}
model: {backbone: test_resnet}
method: {choice: [{name: cross_entropy}, {name: peer, ramp_epochs: 1}]}
optim: {lr: {loguniform: [1e-2, 1e-1]}}
schedule: {name: constant, warmup_epochs: 0}
search:
  trials: 3
  sampler: {name: random}
  scheduler: {name: none}
  start_with:
  - {method: {name: cross_entropy}, optim.lr: 0.02}
  - {method: {name: cross_entropy}, optim.lr: 0.05}
  - {method: {name: peer}, optim.lr: 0.03}
resources: {max_concurrent_trials: 1}
"""


@pytest.fixture
def search(run_search, tmp_path):
    """Runs ``python -m platform.search space.yaml …``; what it says."""

    def run(*arguments, code=0):
        done = run_search(tmp_path / "space.yaml", *arguments)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.fixture
def trials(environment):
    """The trials' runs in MLflow by their names, each of which is there once, with one epoch."""

    def of_the_sweep():
        client = MlflowClient(environment["MLFLOW_TRACKING_URI"])
        experiment = client.get_experiment_by_name("digits").experiment_id
        runs = client.search_runs([experiment], "tags.trial_id LIKE '%'")
        by_name = {run.data.tags["trial_id"]: run for run in runs}
        assert len(by_name) == len(runs)
        for run in runs:
            steps = [one.step for one in client.get_metric_history(run.info.run_id, "val/accuracy")]
            assert steps == [1]
        return by_name

    return of_the_sweep


@pytest.mark.timeout(1800)
def test_a_wider_range_a_new_option_and_more_trials(search, trials, environment, tmp_path):
    space, folder = tmp_path / "space.yaml", tmp_path / "runs" / "digits"
    space.write_text(SPACE)
    search("search.trials=2", "seed=7")

    space.write_text(SPACE.replace("epochs: 1\n", "epochs: 2\n", 1))
    said = search("--resume", code=2)
    assert said.startswith(f"{space}:3:9: epochs: was 1 in every trial and is 2: ") and said.count("\n") == 1
    assert "\nepochs: 1\n" in (folder / "space.yaml").read_text()

    wider = SPACE.replace("[1e-2, 1e-1]", "[1e-3, 1e-1]").replace(
        "[{name: cross", "[{name: core, self_refining_epochs: 1}, {name: cross"
    )
    space.write_text(wider)
    said = search("--resume", "--plan", "--trials", "4")
    assert "search.trials: 2 → 4" in said and "seed" not in said, "an override of before holds"
    said = search("--resume", "--trials", "4")
    assert "optim.lr: loguniform [0.01, 0.1] → loguniform [0.001, 0.1]" in said
    assert "method: choice [cross_entropy, peer] → choice [core, cross_entropy, peer]" in said
    assert "2 trials kept" in said
    runs = trials()
    assert sorted(runs) == ["0000", "0001", "0002", "0003"]
    assert runs["0002"].data.params["method"] == "peer"
    assert {run.data.tags["attempt"] for run in runs.values()} == {"1"}
    parent = runs["0000"].data.tags["mlflow.parentRunId"]
    client = MlflowClient(environment["MLFLOW_TRACKING_URI"])
    logged = client.download_artifacts(parent, "space.yaml", str(tmp_path))
    assert Path(logged).read_text() == (folder / "space.yaml").read_text()
    assert "core" in (folder / "space.yaml").read_text() and "seed: 7" in (folder / "space.yaml").read_text()

    narrow = wider.replace("{name: cross_entropy}, ", "", 1)
    narrow = narrow[: narrow.index("  start_with")]
    space.write_text(narrow)
    said = search("--resume", "search.statistic=last", "search.trials=2")
    assert "2 do not fit any more: 0000 (method is cross_entropy), 0001 (method is cross_entropy)" in said
    runs = trials()
    assert sorted(runs) == ["0000", "0001", "0002", "0003"]
    left = {name for name, run in runs.items() if "left_out" in run.data.tags}
    assert {"0000", "0001"} <= left and "0002" not in left
    table = pd.read_csv(folder / "trials.csv", dtype={"trial": str})
    assert set(table[table["rank"].isna()]["trial"]) == left
    assert json.loads((folder / "sweep.json").read_text())["statistic"] == "last"
    journal = JournalStorage(JournalFileBackend(str(folder / "optuna_journal.log")))
    numbers = [one.number for one in optuna.load_study(study_name="digits", storage=journal).trials]
    assert numbers == list(range(len(numbers)))
