"""A storage.path that cannot be written is refused before the first trial."""

import pytest

from platform.search import main

SPACE = """
name: digits
epochs: 2
batch_size: 64
image_size: 8
data: {source: digits}
model: {backbone: test_resnet}
method: {name: cross_entropy}
optim: {lr: {loguniform: [1e-3, 1e-1]}}
schedule: {name: constant, warmup_epochs: 0}
search: {trials: 5, sampler: {name: random}, scheduler: {name: none}}
resources: {max_concurrent_trials: 1}
report: {top: 2}
"""


@pytest.fixture
def command(tmp_path):
    space = tmp_path / "space.yaml"
    space.write_text(SPACE)
    return [str(space), "--out", str(tmp_path / "runs")]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("s3://nobody/x", "storage.path: s3://nobody/x/digits: cannot be written: "),
        ("/proc/nothing", "storage.path: /proc/nothing/digits: cannot be written: "),
        ("ftp://host/x", "storage.path: must be a folder or begin with one of s3://"),
        ("s3://key:secret@bucket/x", "storage.path: must not contain a key"),
        ("s3:///x", "storage.path: must name a bucket"),
    ],
)
def test_a_place_that_cannot_be_written_is_one_line_before_the_first_trial(
    path, words, command, environment, run_here, tmp_path, s3_server, monkeypatch
):
    for name, value in s3_server.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", environment["MLFLOW_TRACKING_URI"])
    done = run_here(main, *command, f"storage.path={path}")
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert words in done.stderr and "secret" not in done.stderr
    assert not (tmp_path / "runs" / "digits").exists()
