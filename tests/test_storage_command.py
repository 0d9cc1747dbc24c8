"""A sweep with little room for its checkpoints: real processes, a real Ray, a real small disk."""

import re
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from mlflow import MlflowClient
from PIL import Image

from platform.search import main
from platform.storage.disk import free_bytes
from platform.storage.folder import Folder
from reports.__main__ import main as reports_main
from tests.forked import run_forked

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
    return [sys.executable, "-m", "platform.search", str(space), "--out", str(tmp_path / "runs")]


def taken(folder):
    sizes = []
    for file in folder.glob("*/*checkpoint_*/*"):
        try:
            sizes.append(file.stat().st_size)
        except FileNotFoundError:  # the sweep goes on meanwhile
            continue
    return sum(sizes)


@pytest.mark.timeout(900)
def test_the_checkpoints_of_a_sweep_never_take_more_than_they_may(
    command, run_here, environment, root, tmp_path
):
    most = 17_000_000  # five checkpoints; without it ten
    line = [*command, f"storage.max_bytes={most}"]
    folder, seen = tmp_path / "runs" / "digits", []
    with subprocess.Popen(line, cwd=root, env=environment, stdout=subprocess.PIPE, text=True) as process:
        while process.poll() is None:
            seen.append(taken(folder / "trials"))
            time.sleep(0.01)
        said = process.stdout.read()
    assert process.returncode == 0, said
    assert most / 2 < max(seen) <= most

    table = pd.read_csv(folder / "trials.csv", dtype={"trial": str}).set_index("trial")
    there = {path.parent.name for path in folder.glob("trials/*/checkpoint_*")}
    assert there == set(table[table["checkpoint"].notna()].index)
    assert set(table[table["rank"] <= 2].index) <= there < set(table.index)
    assert "left out of the ensembles" not in (folder / "report" / "index.html").read_text()
    gone = next(trial for trial in table.index if trial not in there)
    client = MlflowClient(environment["MLFLOW_TRACKING_URI"])
    run = client.get_run(table.loc[gone, "mlflow_run"])
    assert run.data.tags["checkpoint"] == "deleted to keep storage.max_bytes"

    done = run_here(main, *command[3:], f"init_from={folder / 'trials' / gone}", "--plan")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "has no checkpoint: none was written, or storage.max_bytes had it deleted" in done.stderr


@pytest.mark.timeout(1800)
def test_a_full_disk_stops_a_sweep_with_one_line_and_costs_it_nothing(
    command, environment, tmp_path, small_disk
):
    disk = small_disk("64m")
    line = [*command[3:-1], str(disk), "search.trials=4"]
    (disk / "ballast").write_bytes(bytes(free_bytes(disk) - 14_000_000))  # four checkpoints
    done = run_forked(main, line, environment, tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    [said] = done.stderr.splitlines()
    trial = r"000\d/checkpoint_00000\d: the disk is full \(\d+\.\d MB free\): make room there"
    assert re.search(rf"{trial}; go on with: python -m platform\.search .* --resume --name digits", said)
    assert "[4/4]" not in done.stdout, "the trial that met it has not ended"
    assert not list(disk.rglob("*.draft"))

    (disk / "ballast").unlink()
    done = run_forked(main, [*line, "--resume"], environment, tmp_path)
    assert done.returncode == 0 and done.stderr == "", done.stdout + done.stderr
    table = pd.read_csv(disk / "digits" / "trials.csv", dtype={"trial": str})
    assert sorted(table["trial"]) == ["0000", "0001", "0002", "0003"]
    assert set(table["outcome"]) == {"finished"} and set(table["epochs"]) == {2}
    assert (disk / "digits" / "report" / "index.html").exists()
    client = MlflowClient(environment["MLFLOW_TRACKING_URI"])
    experiment = client.get_experiment_by_name("digits").experiment_id
    trials = client.search_runs([experiment], "params.`optim.lr` != ''")
    assert sorted(run.data.tags["trial_id"] for run in trials) == ["0000", "0001", "0002", "0003"]
    for run in trials:
        steps = [one.step for one in client.get_metric_history(run.info.run_id, "val/accuracy")]
        assert steps == [1, 2]


@pytest.mark.timeout(1800)
def test_a_sweep_whose_checkpoints_lie_in_an_object_store_is_interrupted_resumed_and_used(
    command, environment, root, tmp_path, s3_server, monkeypatch, run_here
):
    store = f"s3://bucket/{tmp_path.name}"
    environment |= s3_server
    line = [*command, f"storage.path={store}", "search.trials=3"]

    with subprocess.Popen(line, cwd=root, env=environment, stdout=subprocess.PIPE, text=True) as process:
        while (said := process.stdout.readline()) and "[1/3]" not in said:
            pass
        process.send_signal(signal.SIGINT)
        process.stdout.read()
    assert process.returncode == 130
    done = run_forked(main, [*line[3:-2], "--resume"], environment, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr

    folder = tmp_path / "runs" / "digits"
    assert not (folder / "trials").exists()
    table = pd.read_csv(folder / "trials.csv", dtype={"trial": str})
    assert sorted(table["trial"]) == ["0000", "0001", "0002"] and set(table["epochs"]) == {2}
    assert all(place.startswith(f"{store}/digits/trials/0") for place in table["checkpoint"])
    assert "left out of the ensembles" not in (folder / "report" / "index.html").read_text()

    for name, value in s3_server.items():
        monkeypatch.setenv(name, value)
    there = Folder.of(store) / "digits"
    assert {"sweep.json", "space.yaml", "trials.csv"} <= set(there.files())
    assert (there / "report").has("index.html")
    for trial, kept in (there / "trials" / "0000").folders().items():
        assert trial.name.startswith("checkpoint_") and {"checkpoint.json", "training_state.pt"} <= set(kept)

    (tmp_path / "pictures").mkdir()
    Image.new("L", (8, 8), 200).save(tmp_path / "pictures" / "0.png")
    arguments = [str(folder), "--predict", str(tmp_path / "pictures")]
    done = run_forked(reports_main, arguments, environment, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(pd.read_csv(folder / "predictions.csv")) == 1
    for start in (folder, there, f"{there}/trials/0001"):
        assert "1 at once" in run_here(main, *command[3:], f"init_from={start}", "--plan").stdout

    monkeypatch.setenv("MLFLOW_TRACKING_URI", environment["MLFLOW_TRACKING_URI"])
    done = run_here(main, *command[3:], f"storage.path={store}", "--out", tmp_path / "other")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert f"storage.path: {store}/digits holds what another sweep has written" in done.stderr


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("s3://nobody/x", "storage.path: s3://nobody/x/digits: cannot be written: "),
        ("/proc/nothing", "storage.path: /proc/nothing/digits: cannot be written: "),
        ("ftp://host/x", "storage.path: must be a folder or begin with one of s3://"),
        ("s3://key:secret@bucket/x", "storage.path: must hold no key"),
        ("s3:///x", "storage.path: must name a bucket"),
    ],
)
def test_a_place_that_cannot_be_written_is_one_line_before_the_first_trial(
    path, words, command, environment, run_here, tmp_path, s3_server, monkeypatch
):
    for name, value in s3_server.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", environment["MLFLOW_TRACKING_URI"])
    done = run_here(main, *command[3:], f"storage.path={path}")
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert words in done.stderr and "secret" not in done.stderr
    assert not (tmp_path / "runs" / "digits").exists()
