"""A search with several goals from its YAML to its report, resumed, and begun with by another: a real Ray."""

import json

import pandas as pd
import pytest
from mlflow import MlflowClient

from platform.config.load import load_space
from platform.tuning.space.points_of_earlier_sweep import starts_of
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig

SPACE = """
name: digits
epochs: 2
batch_size: 64
image_size: {choice: [8, 12]}
data: {source: digits, test_share: 0.2}
model: {backbone: {choice: [test_resnet, test_efficientnet]}}
method: {name: cross_entropy}
optim: {lr: {loguniform: [1e-2, 1e-1]}}
schedule: {name: constant, warmup_epochs: 0}
search:
  metric: [val/accuracy, model/parameters]
  trials: 5
  sampler: {name: tpe, n_startup_trials: 2}
  scheduler: {name: asha, grace_period: 1, reduction_factor: 2}
  confirm: {top: 1, seeds: 2}
report: {top: 2}
resources: {max_concurrent_trials: 1}
"""


@pytest.mark.timeout(1200)
def test_the_front_is_found_resumed_and_confirmed(run_search, environment, tmp_path):
    space = tmp_path / "space.yaml"
    space.write_text(SPACE)

    def search(*arguments):
        done = run_search(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    search(space, "--trials", "3", "search.confirm=null")
    said = search(space, "--resume", "--trials", "5", "search.confirm={top: 1, seeds: 2}")
    assert ", model/parameters " in said and "standing" in said and "on the front" in said
    assert "[2/2] trial 000" in said

    folder = tmp_path / "runs" / "digits"
    table = pd.read_csv(folder / "trials.csv", dtype={"trial": str, "beaten_by": str})
    drawn = table[table["rank"].notna()]
    assert len(drawn) == 5 and drawn["front"].iloc[0] and len(table) == 7
    assert set(drawn["goal model/parameters"]) <= set(drawn["model/parameters"])
    assert json.loads((folder / "sweep.json").read_text())["directions"] == {
        "val/accuracy": "max",
        "model/parameters": "min",
    }
    page = (folder / "report" / "index.html").read_text()
    assert 'id="spec-pareto-front"' in page and "best single trial" in page

    client = MlflowClient(environment["MLFLOW_TRACKING_URI"])
    experiment = client.get_experiment_by_name("digits").experiment_id
    [parent] = client.search_runs([experiment], "tags.goals LIKE '%'")
    assert parent.data.tags["goals"] == "val/accuracy (max), model/parameters (min)"
    assert parent.data.params["search.metric"] == '["val/accuracy", "model/parameters"]'
    assert parent.data.metrics["front/trials"] == drawn["front"].sum()
    assert parent.data.metrics["best/model/parameters"] == drawn["model/parameters"].min()

    seen = search("--status", "digits")
    assert "goals: val/accuracy (max), model/parameters (min); the best is the first's" in seen
    assert "val/accuracy and 1 more" in search("--list")
    planned = search(space, "--plan", "--name", "again", "search.start_with=[{from: digits, best: 2}]")
    assert "the best 2 of digits" in planned
    again = ["search.start_with=[{from: digits, best: 2}]"]
    loaded = load_space(space, SweepConfig, overrides=again, fixed=SWEEP_FIELDS)
    starts, _ = starts_of(loaded, tmp_path / "runs")
    begun = {float(f"{start.parameters['optim.lr']:.4g}") for start in starts}  # as in the table
    assert len(starts) == 2 and begun <= set(drawn["parameter optim.lr"])
