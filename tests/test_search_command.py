"""``python -m platform.search`` as a user runs it: real processes, a real Ray, MLflow on SQLite."""

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest
from mlflow import MlflowClient

SPACE = """
name: digits
epochs: 3
batch_size: 64
image_size: 8
data: {source: digits, noise: {kind: symmetric, rate: 0.3}}
model: {backbone: test_resnet}
method: {name: peer, drop_rate: {uniform: [0.1, 0.4]}, ramp_epochs: 1}
optim: {lr: {loguniform: [1e-2, 1e-1]}}
schedule: {name: constant, warmup_epochs: 0}
search: {trials: 4, scheduler: {name: none}}
"""


@pytest.fixture
def command(root, tmp_path):
    space = tmp_path / "space.yaml"
    space.write_text(SPACE)
    return [sys.executable, "-m", "platform.search", str(space), "--out", str(tmp_path / "runs")]


def client_of(environment):
    return MlflowClient(environment["MLFLOW_TRACKING_URI"])


def trials_in(client, sweep):
    experiment = client.get_experiment_by_name("digits")
    runs = client.search_runs([experiment.experiment_id], f"tags.sweep = '{sweep}'", max_results=100)
    return [run for run in runs if "mlflow.parentRunId" in run.data.tags]


@pytest.fixture
def done(command, environment, root):
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)


def test_one_yaml_becomes_trials_a_table_and_a_report(done, environment, tmp_path):
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    folder = tmp_path / "runs" / "digits"
    lines = done.stdout.strip().splitlines()
    assert lines[-1] == f"report: {folder}/report/index.html"
    assert [line.split()[0] for line in lines[-5:-1]] == ["1", "2", "3", "4"]
    assert lines[-6].split()[:3] == ["#", "trial", "val/accuracy"]
    assert sum(bool(re.match(r"\[\d/4\] trial 000\d finished: val/accuracy", line)) for line in lines) == 4

    table = pd.read_csv(folder / "trials.csv")
    assert len(table) == 4
    assert (folder / "report" / "index.html").stat().st_size > 10_000
    manifest = pd.read_parquet(folder / "manifest.parquet")
    assert set(manifest["split"]) == {"train", "val", "test"}
    training = manifest[manifest["split"] == "train"]
    assert (training["label"] != training["clean"]).mean() == pytest.approx(0.3, abs=0.05)

    client = client_of(environment)
    runs = trials_in(client, "digits")
    assert {run.info.status for run in runs} == {"FINISHED"}
    for run in runs:
        assert set(run.data.params) == {"method.drop_rate", "optim.lr", "method.name", "model.backbone"}
        history = client.get_metric_history(run.info.run_id, "val/accuracy")
        assert [metric.step for metric in history] == [1, 2, 3]
        checkpoint = json.loads((_path(run) / "checkpoint.json").read_text())
        assert checkpoint["trial"]["optim"]["lr"] == pytest.approx(float(run.data.params["optim.lr"]))
    parent = client.get_run(runs[0].data.tags["mlflow.parentRunId"])
    assert parent.data.tags["git_commit"] and parent.data.tags["data_digest"]
    assert {"report", "space.yaml", "plan.txt"} <= {
        item.path for item in client.list_artifacts(parent.info.run_id)
    }


def _path(run):
    from pathlib import Path

    return Path(run.data.tags["checkpoint"])


def test_the_plan_is_shown_without_starting_anything(command, environment, root, tmp_path):
    (tmp_path / "mlflow.db").unlink()
    done = subprocess.run([*command, "--plan"], cwd=root, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "12 at most (3 a trial)" in done.stdout
    assert "method.drop_rate" in done.stdout and "uniform [0.1, 0.4]" in done.stdout
    assert not (tmp_path / "runs").exists() and not (tmp_path / "mlflow.db").exists()


class Terminal:
    """A command in a terminal of its own, and what that has shown, without its colours and moves."""

    def __init__(self, command, environment, root):
        self.main, side = pty.openpty()
        terminal = {**environment, "TERM": "xterm-256color", "COLUMNS": "140", "LINES": "40"}
        streams = dict.fromkeys(("stdin", "stdout"), side)
        self.process = subprocess.Popen(
            command, cwd=root, env=terminal, stderr=subprocess.PIPE, text=True, **streams
        )
        os.close(side)
        self.shown = b""

    @property
    def text(self):
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.shown.decode(errors="ignore"))

    def read(self, until):
        """Until something is shown; None: until the command ends."""
        deadline = time.monotonic() + 800
        while time.monotonic() < deadline and (until is None or not re.search(until, self.text)):
            ready, _, _ = select.select([self.main], [], [], 1)
            if ready:
                try:
                    self.shown += os.read(self.main, 65536)
                except OSError:  # Linux says so when the other side has closed
                    return
        assert time.monotonic() < deadline, self.text


def test_a_live_table_is_interrupted_keeps_what_is_done_and_goes_on(
    command, run_search, environment, root, tmp_path
):
    long = [*command, "epochs=6", "search.trials=4", "batch_size=16"]
    terminal = Terminal(long, environment, root)
    terminal.read(r"[1-4]/4 trials")
    process = terminal.process
    process.send_signal(signal.SIGINT)
    terminal.read(None)
    _, errors = process.communicate()
    os.close(terminal.main)
    rest = terminal.text.replace("\r\n", "\n")
    assert "running" in rest and "images/s" in rest and re.search(r"[01]/4 trials", rest)
    assert process.returncode == 130, rest + errors
    assert f"report: {tmp_path}/runs/digits/report/index.html" in rest
    assert "go on with: python -m platform.search" in errors and "--resume --name digits" in errors
    client = client_of(environment)
    outcomes = [run.data.tags["outcome"] for run in trials_in(client, "digits")]
    assert "finished" in outcomes and "running" not in outcomes
    report = tmp_path / "runs" / "digits" / "report"
    assert "Test was not scored: the sweep is unfinished" in (report / "index.html").read_text()
    assert not (report / "finalists.json").exists()

    done = run_search(tmp_path / "space.yaml", "--resume", "--name", "digits")
    assert done.returncode == 0, done.stdout + done.stderr
    counts = re.findall(r"\[(\d)/4\] trial \d+ finished: .*, 6/6 epochs", done.stdout)
    assert counts == [str(count) for count in range(outcomes.count("finished") + 1, 5)]
    assert len(json.loads((report / "finalists.json").read_text())["scorings"]) == 1
    runs = trials_in(client, "digits")
    assert sorted(run.data.tags["trial_id"] for run in runs) == [f"{number:04d}" for number in range(4)]
    assert {run.data.tags["outcome"] for run in runs} == {"finished"}
    for run in runs:
        steps = [metric.step for metric in client.get_metric_history(run.info.run_id, "val/accuracy")]
        assert steps == list(range(1, 7))
    again = {run.data.tags["trial_id"] for run in runs if run.data.tags["attempt"] != "1"}
    assert bool(again) == ("interrupted" in outcomes), "it may have come between two trials"
    assert len(pd.read_csv(tmp_path / "runs" / "digits" / "trials.csv")) == 4
