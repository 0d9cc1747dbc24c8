"""Sweeps of two methods in one MLflow experiment, as users compare methods; real processes and MLflow."""

from mlflow import MlflowClient

from platform.tracking.tracking_config import TrackingConfig
from platform.tuning.resume.rerun import past_trial, space_of

SPACE = """
experiment: noisy digits
epochs: 1
batch_size: 64
image_size: 8
data: {source: digits, noise: {kind: symmetric, rate: 0.3}}
model: {backbone: test_resnet}
schedule: {name: constant, warmup_epochs: 0}
search: {trials: 2, scheduler: {name: none}}
resources: {max_concurrent_trials: 1}
"""
METHODS = {
    "peer": "{name: peer, drop_rate: {uniform: [0.1, 0.4]}, ramp_epochs: 1}",
    "supcon": "{name: supcon, temperature: {uniform: [0.1, 0.5]}}",
}


def test_sweeps_of_two_methods_are_compared_in_one_experiment(run_search, tmp_path):
    for method, section in METHODS.items():
        space = tmp_path / f"{method}.yaml"
        space.write_text(f"{SPACE}method: {section}\n")
        done = run_search(space)
        assert done.returncode == 0, done.stdout + done.stderr
        said = done.stdout.splitlines()
        assert said[0] == f"sweep {method} in {tmp_path}/runs/{method}/, MLflow experiment noisy digits"

    client = MlflowClient(f"sqlite:///{tmp_path}/mlflow.db")
    assert {each.name for each in client.search_experiments()} == {"Default", "noisy digits"}
    experiment = client.get_experiment_by_name("noisy digits").experiment_id
    trials = client.search_runs([experiment], "tags.trial_id LIKE '%'", order_by=["metrics.`val/accuracy`"])
    assert {run.info.run_name: run.data.params["method.name"] for run in trials} == {
        f"{method}/{number:04d}": method for method in METHODS for number in (0, 1)
    }
    assert all(run.data.tags["sweep"] == run.data.params["method.name"] for run in trials)
    assert all(0 < run.data.metrics["val/accuracy"] < 1 for run in trials)
    assert len(client.search_runs([experiment])) == 6, "besides, a parent a sweep"

    for method in METHODS:
        page = (tmp_path / "runs" / method / "report" / "index.html").read_text()
        assert "noisy digits" in page
        rows = (tmp_path / "runs" / method / "trials.csv").read_text().splitlines()
        assert len(rows) == 3, "a report has its own sweep's trials alone"
        assert "parameter method.name" not in rows[0], "which was not searched"

    trial = next(run for run in trials if run.data.tags["sweep"] == "supcon")
    past = past_trial(trial.info.run_id, TrackingConfig(uri=f"sqlite:///{tmp_path}/mlflow.db"))
    again = space_of(past, tmp_path / "again.yaml").first()
    assert (again.name, again.experiment, again.method.name) == ("supcon", "noisy digits", "supcon")
