"""Two rounds on tiny digits: killed in the second, gone on with, taken back, and run once more unbroken.

The second round audits, cleans and pseudo-labels. All sweeps are real.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from platform.datasets.cleaning.manifest_table import read_manifest

pytestmark = [pytest.mark.sweep, pytest.mark.timeout(1800)]

SPACE = """
epochs: 2
batch_size: 32
image_size: 8
augment: {crop: padded, padding: 1, horizontal_flip: 0.0}
data: {source: digits, max_images: 700, val_share: 0.3, noise: {kind: symmetric, rate: 0.3}}
model: {backbone: test_resnet}
method: {name: cross_entropy}
optim: {name: sgd, lr: 0.1}
report: {top: 1, max_members: 1, views: [], soup: false}
"""
ROUNDS = """
name: tiny
space: space.yaml
rounds: 2
audit: true
clean: {policy: policy.yaml}
pseudo_label: {unlabelled: true, above: 0.3}
"""
POLICY = """
rules:
- {kind: wrong_label, action: unlabel, at_least: 0.5}
limits: {most_of_a_class: 0.3, least_images: 5}
"""


@dataclass
class Tried:
    """A folder with rounds, and what its commands left: ``killed`` and ``unbroken`` are the books' rounds."""

    folder: Path
    environment: dict[str, str]
    killed: dict[str, Any] = field(default_factory=dict)
    undone: dict[str, Any] = field(default_factory=dict)
    unbroken: dict[str, Any] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-P", "-m", "platform.rounds", "rounds.yaml", *arguments]

    def run(self, *arguments: str) -> dict[str, Any]:
        """The JSON that the command prints at its end; what it said before is kept."""
        done = subprocess.run(
            self.command(*arguments, "--json"),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        self.said += done.stderr.splitlines()
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def kill_once(self, is_there: Callable[[], bool]) -> None:
        """SIGKILL as soon as ``is_there``."""
        process = subprocess.Popen(
            self.command(),
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while not is_there():
            assert process.poll() is None, "it ended before it was killed"
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()


@pytest.fixture(scope="module")
def tried(root: Path, tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path) -> Tried:
    folder = tmp_path_factory.mktemp("rounds")
    shutil.copy(empty_mlflow, folder / "mlflow.db")
    for name, text in (("space", SPACE), ("rounds", ROUNDS), ("policy", POLICY)):
        (folder / f"{name}.yaml").write_text(text)
    uri = f"sqlite:///{folder}/mlflow.db"
    found = Tried(folder, {**os.environ, "PYTHONPATH": str(root), "MLFLOW_TRACKING_URI": uri})
    found.kill_once((folder / "runs" / "tiny-round-2" / "sweep.json").exists)
    found.killed = found.run("--resume")
    found.undone = found.run("--undo")
    found.unbroken = found.run()
    return found


def facts(book: dict[str, Any], number: int) -> dict[str, Any]:
    """A round without what differs from run to run: times, and the ids of MLflow."""
    one = next(one for one in book["rounds"] if one["number"] == number)
    assert one["state"] == "done"
    learnt = {key: value for key, value in one["learnt"].items() if key != "seconds"}
    reached = {
        key: value for key, value in one["reached"].items() if key not in ("seconds", "gpu_seconds", "run_id")
    }
    return {"learnt": learnt, "reached": reached, "decision": one["decision"]}


def test_a_killed_round_ends_with_the_table_of_an_unbroken_one(tried):
    assert facts(tried.killed, 2) == facts(tried.unbroken, 2)
    assert facts(tried.killed, 1) == facts(tried.unbroken, 1)
    assert tried.killed["best"] == tried.unbroken["best"]
    assert "round 2 goes on" in tried.said


def test_what_the_policy_and_the_winner_did_is_counted_and_judged(tried):
    actions = facts(tried.unbroken, 2)["learnt"]["actions"]
    rows = read_manifest(tried.folder / "rounds" / "tiny" / "round-2" / "data.parquet").rows
    acted = rows[rows["action"] != "keep"]
    assert sum(one["count"] for one in actions.values()) == len(acted) > 0
    assert set(acted["split"]) == {"train"}
    pseudo = rows[rows["reason"] == "pseudo_label"]
    assert actions["pseudo_label"]["count"] == len(pseudo) > 0
    assert actions["pseudo_label"]["right"] == int((pseudo["label"] == pseudo["clean"]).sum())


def test_validation_and_test_are_the_same_rows_in_both_rounds(tried):
    tables = [
        pd.read_parquet(tried.folder / "runs" / f"tiny-round-{number}" / "manifest.parquet")
        for number in (1, 2)
    ]
    for split in ("val", "test"):
        first, second = (
            one[one["split"] == split][["path", "label", "clean"]].reset_index(drop=True) for one in tables
        )
        pd.testing.assert_frame_equal(first, second)
        assert len(first) > 50
    digests = [facts(tried.unbroken, number)["reached"]["held_out"] for number in (1, 2)]
    assert digests[0] == digests[1] and digests[0].keys() == {"val", "test"}


def test_the_decision_is_that_of_the_sweeps_own_predictions(tried):
    first, second = (facts(tried.unbroken, number)["reached"] for number in (1, 2))
    decision = facts(tried.unbroken, 2)["decision"]
    assert decision["difference"] == pytest.approx(second["value"] - first["value"])
    assert decision["gained"] == (decision["difference"] > decision["needed"])
    for number, reached in ((1, first), (2, second)):
        trials = pd.read_csv(tried.folder / "runs" / f"tiny-round-{number}" / "trials.csv")
        assert reached["value"] == pytest.approx(trials["val/accuracy best"].max(), abs=1e-3)
        assert reached["test"] is not None and reached["test_labels"] == "clean"


def test_what_was_taken_back_lies_aside_and_is_tagged(tried):
    assert [one["number"] for one in tried.undone["rounds"]] == [1]
    assert (tried.folder / "runs" / "tiny-round-2-undone" / "sweep.json").is_file()
    assert (tried.folder / "rounds" / "tiny" / "undone" / "round-2" / "data.parquet").is_file()


def test_rounds_are_one_run_in_mlflow_with_each_sweep_below(tried):
    from mlflow import MlflowClient

    client = MlflowClient(tried.environment["MLFLOW_TRACKING_URI"])
    experiment = client.get_experiment_by_name("tiny")
    runs = {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}
    over_all = runs["tiny"]
    assert over_all.info.status == "FINISHED"
    assert [point.step for point in client.get_metric_history(over_all.info.run_id, "val_accuracy")][-1] == 2
    sweeps = [run for run in client.search_runs([experiment.experiment_id]) if "data_digest" in run.data.tags]
    below = {
        run.data.tags["round"]: run
        for run in sweeps
        if run.data.tags.get("mlflow.parentRunId") == over_all.info.run_id
    }
    assert below.keys() == {"1", "2"}
    assert below["1"].data.tags["round_gained"] == "first"
    reached = facts(tried.unbroken, 2)["reached"]
    assert below["2"].data.metrics["round/val_accuracy"] == pytest.approx(reached["accuracy"])
    (undone,) = (run for run in sweeps if "undone" in run.data.tags)
    assert undone.data.tags["round"] == "2" and "mlflow.parentRunId" not in undone.data.tags
    artifacts = [one.path for one in client.list_artifacts(over_all.info.run_id, "rounds")]
    assert artifacts == ["rounds/index.html"]


def test_given_once_more_nothing_runs_and_a_changed_source_ends_it(tried):
    log = (tried.folder / "rounds" / "tiny" / "round-2" / "log.txt").read_bytes()
    assert tried.run() == tried.unbroken
    assert (tried.folder / "rounds" / "tiny" / "round-2" / "log.txt").read_bytes() == log
    (tried.folder / "rounds.yaml").write_text(ROUNDS.replace("rounds: 2", "rounds: 3\nstop: {patience: 9}"))
    (tried.folder / "space.yaml").write_text(SPACE.replace("rate: 0.3", "rate: 0.2"))
    done = subprocess.run(
        tried.command(), cwd=tried.folder, env=tried.environment, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert done.stderr.startswith("space.yaml: the section data changed since round 1: take the rounds back")
