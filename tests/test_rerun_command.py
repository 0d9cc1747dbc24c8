"""``--trial RUN_ID``: a trial that MLflow remembers is run again and its metric compared; real processes."""

from functools import partial

import pytest
from mlflow import MlflowClient

from platform.tracking.reading.reader import PastTrial
from platform.tracking.records import TrialRecord
from platform.tracking.tracking_config import TrackingConfig, TrackingError
from platform.tuning.resume.rerun import Comparison, past_trial, space_of

SPACE = """
name: once
epochs: 1
batch_size: 64
image_size: 8
seed: 3
data: {source: digits, noise: {kind: symmetric, rate: 0.3}, seed: 5}
model: {backbone: test_resnet}
method: {name: peer, ramp_epochs: 1}
stages: [{name: head, trainable: head}, {name: all, optim: {lr: 0.02}}]
search: {metric: val/loss}
"""


@pytest.fixture
def run(run_search, tmp_path):
    space = tmp_path / "space.yaml"
    space.write_text(SPACE)
    return partial(run_search, space)


def test_a_trial_runs_again_from_its_run_alone(run, tmp_path):
    first = run()
    assert first.returncode == 0, first.stderr
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    client = MlflowClient(uri)
    experiment = client.get_experiment_by_name("once")
    (trial,) = client.search_runs([experiment.experiment_id], "tags.trial_id = '0000'")
    assert "stages.1.optim.lr" in trial.data.tags["constants"]

    (tmp_path / "space.yaml").write_text(
        SPACE.replace("seed: 3", "seed: 4").replace("epochs: 1", "epochs: 9")
    )
    again = run("--trial", trial.info.run_id)
    assert again.returncode == 0, again.stdout + again.stderr
    last = again.stdout.strip().splitlines()[-1]
    assert last.startswith("val/loss came back: ") and "in epoch 2; largest difference in an epoch 0," in last
    assert (tmp_path / "runs" / "once-0000-again" / "report" / "index.html").exists()

    with pytest.raises(TrackingError, match="no trial of a sweep"):
        past_trial(trial.data.tags["mlflow.parentRunId"], TrackingConfig(uri=uri))


def test_an_unknown_run_and_an_override_are_refused(run):
    for arguments, words in (
        (["--trial", "f" * 32], "f" * 32),
        (["--trial", "x", "epochs=3"], "--trial runs a trial as it was"),
    ):
        done = run(*arguments)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1 and words in done.stderr
        assert "Traceback" not in done.stderr


def test_the_space_of_a_trial_is_its_config_and_the_data_of_its_sweep(tmp_path):
    config = {"seed": 7, "epochs": 2, "image_size": 8, "model": {"backbone": "test_resnet"}}
    config |= {"method": {"name": "cross_entropy"}}
    trial = TrialRecord("id", "0004", 1, "finished", {}, config)
    sweep = SPACE.replace("seed: 3", "seed: {int: [1, 9]}").replace("search: {", "search: {trials: 9, ")
    past = PastTrial(trial, "old", "birds", sweep, "digest", "commit", "false", "lock")
    space = space_of(past, tmp_path / "again.yaml")
    assert not space.space.parameters()
    first = space.first()
    assert (first.name, first.experiment) == ("old", "birds")
    assert (first.seed, first.data.seed, first.search.metric) == (7, 5, "val/loss")
    assert not first.stages


@pytest.mark.parametrize(("largest", "words"), [(0.0005, "came back"), (0.002, "did not come back")])
def test_the_verdict_is_by_the_largest_difference(largest, words):
    comparison = Comparison("val/accuracy", 3, 0.5, 0.5004, largest, tolerance=0.001)
    assert comparison.came_back == (words == "came back")
    assert f"val/accuracy {words}: 0.5000 then, 0.5004 now in epoch 3" in str(comparison)
