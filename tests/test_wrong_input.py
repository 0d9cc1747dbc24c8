"""Wrong input through the real command: one line that says where and what, exit code 2, nothing written."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from platform.search import main

QUICK = """
epochs: 2
batch_size: 64
image_size: 8
data: {source: digits, test_share: 0.2}
model: {backbone: test_resnet}
method: {name: cross_entropy}
optim: {lr: {loguniform: [1e-3, 1e-2]}}
schedule: {name: constant, warmup_epochs: 0}
search: {trials: 2, scheduler: {name: none}}
"""


@pytest.fixture
def environment(tmp_path):
    """Without an MLflow yet: what is refused makes none."""
    return {**os.environ, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}


@pytest.fixture
def search(run_search, tmp_path):
    """Runs ``python -m platform.search space.yaml …`` to its end, with what it writes in tmp_path."""

    def run(text, *arguments):
        space = tmp_path / "space.yaml"
        space.write_text(text, encoding="utf-8")
        return run_search(space, "resources.max_concurrent_trials=1", *arguments)

    return run


@pytest.fixture
def refused(run_here, tmp_path, monkeypatch):
    """As ``search``, in this process: what is refused before Ray starts needs no other."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")

    def run(text, *arguments):
        space = tmp_path / "space.yaml"
        if text is not None:
            space.write_text(text, encoding="utf-8")
        return run_here(main, space, "--out", tmp_path / "runs", *arguments)

    return run


def test_a_mistake_is_told_by_the_command_itself(root, environment, tmp_path):
    space = tmp_path / "space.yaml"
    space.write_text(QUICK + "epoch: 3\n")
    line = [sys.executable, "-m", "platform.search", space, "--out", tmp_path / "runs"]
    done = subprocess.run(line, cwd=root, env=environment, capture_output=True, text=True)
    assert_refused(done, tmp_path, "unknown key 'epoch'; did you mean 'epochs'?")


def assert_refused(done, tmp_path, *expected):
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    for words in expected:
        assert words in done.stderr
    assert not (tmp_path / "runs").exists() or not any((tmp_path / "runs").iterdir())
    assert not (tmp_path / "mlflow.db").exists()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, ["space.yaml: no such file"]),
        ("epochs: [1, 2", ["space.yaml:1:14: is not YAML:"]),
        (QUICK + "epochs: 3\n", ["space.yaml:11:1: epochs: duplicate key 'epochs' (first on line 2)"]),
        (QUICK + "epoch: 3\n", ["space.yaml:11:1: epoch: unknown key 'epoch'; did you mean 'epochs'?"]),
        (
            QUICK.replace("cross_entropy", "cros_entropy"),
            ["space.yaml:7:16: method.name: unknown name 'cros_entropy'; did you mean 'cross_entropy'?"],
        ),
        (
            QUICK.replace("{name: cross_entropy}", "{name: peer, drop_rate: 1.4}"),
            ["space.yaml:7:33: method.drop_rate: must be < 1, got 1.4"],
        ),
        (
            QUICK.replace("[1e-3, 1e-2]", "[1e-2, 1e-3]"),
            ["space.yaml:8:13: optim.lr: empty range: low must be below high, got [0.01, 0.001]"],
        ),
        (
            QUICK.replace("search: {", "search: {metric: test/accuracy, "),
            ["space.yaml:10:18: search.metric: the test split never selects"],
        ),
        (
            QUICK.replace("test_resnet", "test_resnett"),
            ["space.yaml:6:19: model.backbone:", "'test_resnett'", "did you mean test_resnet"],
        ),
    ],
)
def test_a_mistake_in_the_yaml_is_one_line(refused, tmp_path, text, expected):
    assert_refused(refused(text), tmp_path, *expected)


def test_a_data_folder_that_does_not_exist(search, tmp_path):
    done = search(QUICK, f"data.source={tmp_path}/nowhere")
    assert_refused(done, tmp_path, f"{tmp_path}/nowhere")


def test_a_data_folder_without_images(search, tmp_path):
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    (tmp_path / "photos" / "cat" / "notes.md").write_text("none yet")
    assert_refused(search(QUICK, f"data.source={tmp_path}/photos"), tmp_path, "photos", "image")


def photos(folder: Path, classes, each: int) -> Path:
    for place, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for index in range(each):
            colour = (40 + 150 * place, 10 * index % 255, 90)
            Image.new("RGB", (24, 20), colour).save(folder / name / f"{index}.jpg")
    return folder


def test_a_data_folder_of_one_class(search, tmp_path):
    folder = photos(tmp_path / "photos", ["cat"], 12)
    assert_refused(search(QUICK, f"data.source={folder}"), tmp_path, "cat", "class")


def spoil(folder: Path) -> None:
    whole = (folder / "cat" / "0.jpg").read_bytes()
    (folder / "cat" / "0.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "dog" / "1.jpg").write_text("this is no picture")


def test_too_many_broken_images_stop_the_sweep_before_any_trial(search, tmp_path):
    folder = photos(tmp_path / "photos", ["cat", "dog"], 20)
    spoil(folder)
    assert_refused(search(QUICK, f"data.source={folder}"), tmp_path, "cat/0.jpg", "data.max_bad")


@pytest.mark.sweep
def test_a_few_broken_images_and_trials_that_fail_are_named_and_the_others_finish(search, tmp_path):
    folder = photos(tmp_path / "photos", ["cat", "dog"], 20)
    spoil(folder)
    text = QUICK.replace("{loguniform: [1e-3, 1e-2]}", "{choice: [1e-3, 1e+30]}")
    points = "{optim.lr: 1e+30}, {optim.lr: 1e-3}"
    of_photos = [f"data.source={folder}", "data.max_bad=0.1"]
    done = search(text, "--trials", "2", "epochs=1", f"search.start_with=[{points}]", *of_photos)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "finished: val/accuracy" in done.stdout
    assert "failed: TrainingDiverged" in done.stdout
    assert "left out 2 undecodable images, the first" in done.stdout
    page = (tmp_path / "runs" / "space" / "report" / "index.html").read_text()
    assert "TrainingDiverged" in page and "cat/0.jpg" in page
    listed = (tmp_path / "runs" / "space" / "bad_images.csv").read_text()
    assert "cat/0.jpg" in listed and "dog/1.jpg" in listed


@pytest.mark.sweep
def test_every_trial_failing_is_exit_code_1_with_the_cause_on_the_last_line(search, tmp_path):
    done = search(QUICK, "optim.lr=1e30")
    assert done.returncode == 1, done.stdout + done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("no trial succeeded") and "TrainingDiverged" in last
    assert (tmp_path / "runs" / "space" / "report" / "index.html").exists()


def test_a_machine_without_room_is_not_waited_for(search, tmp_path):
    done = search(QUICK, "resources.cpus_per_worker=512")
    assert_refused(done, tmp_path, "resources.cpus_per_worker: a worker needs 512 cores, but the machine has")


@pytest.mark.sweep
def test_a_budget_that_ends_before_any_epoch_is_exit_code_1(search, tmp_path):
    done = search(QUICK, "--budget", "0.5s", "epochs=50")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stderr.strip().endswith("the budget was spent before any trial's first epoch")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--name", "../../elsewhere"], "--name: must be letters, digits"),
        (["--trials", "3", "optim.lr=0.1"], "--trials: the space has no range"),
    ],
)
def test_arguments_that_cannot_be_meant(refused, tmp_path, arguments, words):
    assert_refused(refused(QUICK, *arguments), tmp_path, words)


def test_an_out_folder_that_is_a_file(refused, tmp_path):
    (tmp_path / "runs").write_text("a file")
    done = refused(QUICK)
    assert done.returncode == 2
    assert done.stderr == f"--out: {tmp_path}/runs is not a folder\n"


def test_resuming_what_is_not_there(refused, tmp_path):
    assert_refused(refused(QUICK, "--resume"), tmp_path, "no sweep to resume")


def test_a_name_that_is_taken(refused, tmp_path):
    taken = tmp_path / "runs" / "mine"
    taken.mkdir(parents=True)
    (taken / "notes.txt").touch()
    done = refused(QUICK, "--name", "mine")
    assert done.returncode == 2
    assert "a sweep of this name exists" in done.stderr
    shutil.rmtree(taken)
