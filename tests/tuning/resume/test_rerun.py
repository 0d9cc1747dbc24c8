"""``--trial RUN_ID``: the space of a trial that MLflow remembers, and whether its metric came back."""

from functools import partial

import pytest

from platform.tracking.reading.reader import PastTrial
from platform.tracking.records import TrialRecord
from platform.tuning.resume.rerun import Comparison, space_of

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


def test_an_unknown_run_and_an_override_are_refused(run):
    for arguments, words in (
        (["--trial", "f" * 32], "f" * 32),
        (["--trial", "x", "epochs=3"], "--trial repeats a trial unchanged"),
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


@pytest.mark.parametrize(("largest", "words"), [(0.0005, "is reproduced"), (0.002, "is not reproduced")])
def test_the_verdict_is_by_the_largest_difference(largest, words):
    comparison = Comparison("val/accuracy", 3, 0.5, 0.5004, largest, tolerance=0.001)
    assert comparison.is_reproduced == (words == "is reproduced")
    assert f"val/accuracy {words}: 0.5000 then, 0.5004 now in epoch 3" in str(comparison)
