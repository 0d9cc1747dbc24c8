"""A search that confirms its best with other seeds, stopped and resumed: real processes, a real Ray."""

import json

import pandas as pd
import pytest
from mlflow import MlflowClient

SPACE = """
name: digits
epochs: 2
batch_size: 64
image_size: 8
data: {source: digits}
model: {backbone: test_resnet}
method: {name: cross_entropy}
optim: {lr: {loguniform: [1e-2, 1e-1]}}
schedule: {name: constant, warmup_epochs: 0}
search: {trials: 3, sampler: {name: random}, scheduler: {name: none}, confirm: {top: 2, seeds: 2}}
resources: {max_concurrent_trials: 1}
"""


@pytest.mark.timeout(1200)
def test_the_best_run_again_with_other_seeds_and_a_budget_may_stop_them(run_search, environment, tmp_path):
    (tmp_path / "space.yaml").write_text(SPACE)

    def search(*arguments):
        done = run_search(*arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    space, folder = tmp_path / "space.yaml", tmp_path / "runs" / "digits"
    said = search(space, "search.budget.epochs=9")  # six of the search, three of the four repeats' eight
    assert "the budget of 9 epochs is spent" in said
    said = search(space, "--resume", "search.budget=null")
    assert "[4/4] trial 000" in said and "-seed-" in said
    assert "(mean ± standard error)." in said and "paired bootstrap over 2 seeds" in said

    table = pd.read_csv(folder / "trials.csv", dtype={"trial": str, "confirms": str})
    again = table[table["confirms"].notna()]
    best = set(table[table["rank"] <= 2]["trial"])
    assert len(table) == 7 and set(again["confirms"]) == best and set(again["outcome"]) == {"finished"}
    assert list(again["epochs"]) == [2] * 4
    assert 'id="confirmation"' in (folder / "report" / "index.html").read_text()
    assert json.loads((folder / "budget.json").read_text())["spent"]["epochs"] == 14

    client = MlflowClient(environment["MLFLOW_TRACKING_URI"])
    experiment = client.get_experiment_by_name("digits").experiment_id
    runs = client.search_runs([experiment], "tags.confirms LIKE '%'")
    assert {run.info.run_name for run in runs} == {f"digits/{of}-seed-{nth}" for of in best for nth in (1, 2)}
    for run in runs:
        steps = [one.step for one in client.get_metric_history(run.info.run_id, "val/accuracy")]
        assert steps == [1, 2] and run.data.tags["confirms"] in best
    seen = search("--status", "digits")
    assert "trials: 3/3" in seen and "confirmations: 4 of 4" in seen
