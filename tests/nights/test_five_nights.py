"""Five nights of a small canary in a checkout of its own: first, unchanged, worse, recovered, late.

The first night's process is killed four times, and goes on: before its sweep, within it, within the sweep's
report, and while it compares. The sweeps are real, as are the commits between the nights and the server that
receives the notices.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.sweep, pytest.mark.timeout(1800)]

CANARY = """
name: canary
epochs: 2
batch_size: 32
image_size: 8
augment: {crop: padded, padding: 1, horizontal_flip: 0.0}
data: {source: digits, max_images: 600, val_share: 0.4}
model: {backbone: test_resnet}
method: {name: cross_entropy}
optim: {name: sgd, lr: 0.1}
report: {top: 1, max_members: 1, views: [], soup: false}
"""
PLAN = """
time_zone: Europe/Berlin
nights:
  digits:
    at: 30 22 * * *
    canary: {space: canary.yaml, seeds: 3}
    compare: {metrics: [val/accuracy], min_change: 0.05}
notify: {to: [{webhook: $HOOK}], alive: $ALIVE}
"""
FIRST = "digits@2026-11-30"
STEP = "platform/training/optimisation/optimiser.py"


@dataclass
class Nights:
    """A checkout with a plan, and what its commands said; ``notices``: what the server received."""

    checkout: Path
    environment: dict[str, str]
    notices: list[dict[str, Any]]
    said: list[str] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)

    def command(self, verb: str, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "platform.nightly", verb, "plan.yaml", *arguments]

    def run(self, verb: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(verb, *arguments),
            cwd=self.checkout,
            env=self.environment,
            capture_output=True,
            text=True,
        )

    def tick(self, now: str) -> None:
        done = self.run("run-due", "--now", now)
        assert done.stderr == "", done.stderr
        self.said.append(done.stdout)
        self.codes.append(done.returncode)

    def commit(self, message: str) -> str:
        identity = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
        git = ["git", "-C", str(self.checkout), *identity]
        subprocess.run([*git, "add", "-A"], check=True, capture_output=True)
        subprocess.run([*git, "commit", "-q", "-m", message], check=True, capture_output=True)
        found = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
        return found.stdout.strip()

    def kill(self, now: str, when: Callable[[], bool]) -> None:
        """Start a tick, and kill it, and nothing else, as soon as ``when()``."""
        process = subprocess.Popen(
            self.command("run-due", "--now", now), cwd=self.checkout, env=self.environment
        )
        end = time.monotonic() + 300
        while not when():
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()

    @property
    def events(self) -> list[dict[str, Any]]:
        lines = (self.checkout / "nightly" / "ledger.jsonl").read_text().splitlines()
        return [event for event in map(json.loads, lines) if event["kind"] == "night"]


@pytest.fixture(scope="module")
def server():
    notices, pings = [], []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path.startswith("/alive"):
                pings.append(self.path)
            else:
                notices.append(json.loads(body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", notices, pings
        running.shutdown()


@pytest.fixture(scope="module")
def nights(root, tmp_path_factory, server):
    """The five nights, run one after another."""
    url, notices, pings = server
    checkout = tmp_path_factory.mktemp("nights") / "checkout"
    listed = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split("\0"):
        if name and (root / name).is_file():
            (checkout / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(root / name, checkout / name)
    (checkout / "canary.yaml").write_text(CANARY)
    (checkout / "plan.yaml").write_text(PLAN)
    subprocess.run(["git", "init", "-q", str(checkout)], check=True)
    made = Nights(checkout, {**os.environ, "HOOK": f"{url}/hook", "ALIVE": f"{url}/alive"}, notices)
    made.environment.pop("PYTHONPATH", None)
    made.commit("The first commit")
    sweep = checkout / "runs" / f"{FIRST}-canary"
    made.kill("2026-11-30T22:41+01:00", lambda: "/alive/start" in pings)
    assert not sweep.exists(), "it was to be killed before its sweep"
    made.kill("2026-11-30T22:51+01:00", (sweep / "sweep.json").exists)
    made.kill("2026-11-30T23:01+01:00", (sweep / "report").exists)
    made.kill("2026-11-30T23:11+01:00", lambda: bool(made.events[-1]["sweeps"]))
    assert made.events[-1]["comparisons"] == [], "it was to be killed before it had compared"
    made.tick("2026-11-30T23:21+01:00")
    made.tick("2026-12-01T22:41+01:00")
    step = checkout / STEP
    right = step.read_text()
    assert right.count("lr=config.lr,") == 1
    step.write_text(right.replace("lr=config.lr,", "lr=config.lr * 1e-4,"))
    made.commit("Scale the learning rate")
    made.tick("2026-12-02T22:41+01:00")
    step.write_text(right)
    made.commit("Scale it no more")
    made.tick("2026-12-03T22:41+01:00")
    (checkout / "canary.yaml").write_text(CANARY.replace("seed: 0", "") + "# another comment\n")
    step.write_text(right + "\n# nothing else\n")
    made.commit("A comment")
    made.tick("2026-12-05T23:41+01:00")
    return made


def by_night(nights):
    done = nights.run("status", "--json")
    assert done.returncode == 0, done.stderr
    return {one["night"]: one for one in json.loads(done.stdout)["nights"]}


def test_each_night_has_its_state_its_verdict_and_its_reason(nights):
    found = by_night(nights)
    assert [(name[-2:], one["state"], one["verdict"]) for name, one in found.items()] == [
        ("30", "done", None),
        ("01", "skipped", None),
        ("02", "done", "worse"),
        ("03", "done", "same"),
        ("04", "missed", None),
        ("05", "done", "same"),
    ]
    assert "nothing has changed since digits@2026-11-30" in found["digits@2026-12-01"]["reason"]
    assert nights.codes == [0, 0, 1, 0, 4]


def test_a_night_whose_process_was_killed_went_on_each_time(nights):
    first = by_night(nights)[FIRST]
    assert first["attempt"] == 5 and "died: attempt 5" in nights.said[0]
    assert [len(one["values"]) for one in first["comparisons"]] == [3]
    assert [(run["trials"], run["failed"]) for run in first["sweeps"]] == [(3, 0)], "no seed ran twice"


def test_what_made_it_worse_is_named(nights):
    worse = by_night(nights)["digits@2026-12-02"]
    [compared] = worse["comparisons"]
    assert compared["is_confirmed"] and compared["difference"] < -0.05
    assert len(compared["all_values"]) == 6 and len(compared["values"]) == 3, "fresh seeds decided"
    assert any("Scale the learning rate" in line for line in worse["changes"])


def test_the_night_that_was_well_again_says_so(nights):
    assert [name for name, one in by_night(nights).items() if one["recovered"]] == [
        "digits@2026-12-03",
        "digits@2026-12-05",
    ]


def test_the_same_code_gives_the_same_values_to_the_bit(nights):
    [compared] = by_night(nights)["digits@2026-12-03"]["comparisons"]
    assert compared["is_identical"]


def test_each_change_of_state_is_told_once_and_nothing_else(nights):
    assert [(one["night"], one["occasion"]) for one in nights.notices] == [
        ("digits@2026-12-02", "worse"),
        ("digits@2026-12-03", "recovered"),
        ("digits@2026-12-04", "missed"),
        ("digits@2026-12-05", "recovered"),
    ]
    assert "Scale the learning rate" in nights.notices[0]["text"]


def test_the_address_of_the_server_is_written_nowhere(nights):
    secret = nights.environment["HOOK"].encode()
    written = [file for file in (nights.checkout / "nightly").rglob("*") if file.is_file()]
    assert len(written) > 10
    assert [file for file in written if secret in file.read_bytes()] == []


def test_their_runs_in_mlflow_bear_the_night(nights):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{nights.checkout}/mlflow.db")
    experiment = client.get_experiment_by_name("digits")
    runs = client.search_runs([experiment.experiment_id], "tags.night = 'digits@2026-12-02'")
    assert len(runs) == 1 + 6


def test_the_page_has_every_night(nights):
    page = (nights.checkout / "nightly" / "index.html").read_text()
    for name in by_night(nights):
        assert name in page


def test_a_change_that_is_accepted_begins_a_level(nights):
    done = nights.run(
        "accept", "digits@2026-12-02", "--why", "the rate is meant", "--now", "2026-12-06T09:00"
    )
    assert done.returncode == 0, done.stderr
    compared = nights.run("compare", "digits@2026-12-02", "digits@2026-12-05")
    assert compared.returncode == 0 and "canary val/accuracy" in compared.stdout
