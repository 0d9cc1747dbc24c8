"""``--list``, ``--status`` and ``--stop`` from another terminal, on a sweep that runs."""

import json
import subprocess
import sys

import pytest

from platform.search import main

SPACE = """
name: digits
epochs: 6
batch_size: 16
image_size: 8
data: {source: digits}
model: {backbone: test_resnet}
method: {name: cross_entropy}
optim: {lr: {loguniform: [1e-2, 1e-1]}}
schedule: {name: constant, warmup_epochs: 0}
search: {trials: 8, scheduler: {name: none}}
"""


@pytest.fixture
def sweep(root, environment, tmp_path):
    """A sweep of eight trials in another process, one of which has ended; killed with its test."""
    (tmp_path / "space.yaml").write_text(SPACE)
    line = [sys.executable, "-m", "platform.search", tmp_path / "space.yaml", "--out", tmp_path / "runs"]
    process = subprocess.Popen(
        line, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    shown = ""
    while "[1/8]" not in shown:
        said = process.stdout.readline()
        assert said, process.stderr.read()
        shown += said
    yield process
    process.kill()
    process.communicate()


@pytest.mark.timeout(840)
def test_a_sweep_is_watched_and_stopped_from_another_terminal(sweep, run_search, tmp_path):
    [seen] = json.loads(run_search("--status", "digits", "--json").stdout)
    assert (seen["state"], seen["trials_planned"], seen["metric"]) == ("running", 8, "val/accuracy")
    assert seen["holder"]["pid"] == sweep.pid
    assert seen["outcomes"]["finished"] >= 1 and seen["outcomes"]["running"] >= 1
    assert seen["epochs"] + seen["epochs_left"] == 48
    assert 0 < seen["best"] <= 1

    second = run_search(tmp_path / "space.yaml", "--resume", "--name", "digits")
    assert second.returncode == 2
    assert f"process {sweep.pid} on" in second.stderr and second.stderr.count("\n") == 1

    stopped = run_search("--stop", "digits")
    assert (stopped.returncode, stopped.stderr) == (0, "")
    assert f"asked process {sweep.pid} on" in stopped.stdout
    _, errors = sweep.communicate()
    assert sweep.returncode == 130, errors
    assert "--resume --name digits" in errors

    listed = run_search("--list").stdout.splitlines()
    assert listed[0].startswith("sweep   state")
    assert listed[1].split()[:3] == ["digits", "interrupted", "val/accuracy"]
    status = run_search("--status", "digits").stdout
    assert status.startswith("sweep digits: interrupted\ntrials: ")
    again = run_search("--stop", "digits")
    assert again.returncode == 2
    assert again.stderr == f"{tmp_path}/runs/digits: no process runs this sweep, so there is none to stop\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--status", "x"], "no such sweep; there are: none"),
        (["--stop", "x"], "no such sweep; there are: none"),
        (["--list", "--stop", "x"], "--list and --stop: one at a time"),
        (["--list", "space.yaml"], "--list takes no SPACE.yaml"),
        (["--json", "space.yaml"], "--json: goes with --list or --status"),
        ([], "required: SPACE.yaml"),
    ],
)
def test_what_cannot_be_meant_is_one_line(run_here, tmp_path, arguments, words):
    done = run_here(main, *arguments, "--out", tmp_path / "runs")
    assert done.returncode == 2
    assert words in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_where_there_is_no_sweep_the_list_says_so(run_search, tmp_path):
    assert run_search("--list").stdout == f"no sweep in {tmp_path}/runs/\n"
    assert json.loads(run_search("--list", "--json").stdout) == []
