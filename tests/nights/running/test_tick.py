"""Ticks beside each other, and what a tick tells its scheduler."""

import contextlib
import json
import subprocess
from datetime import datetime

import pytest
from filelock import FileLock

from platform.nightly import main
from platform.nights.ledger.ledger import Ledger
from platform.nights.ledger.records import Night
from platform.nights.running.tick import exit_code
from tests.nights.made_nights import comparison

PLAN = """
time_zone: Europe/Berlin
state: {folder}/nightly
out: {folder}/runs
nights:
  digits: {{at: 30 22 * * *, canary: {{space: {folder}/canary.yaml}}}}
"""
CANARY = """
epochs: 1
image_size: 8
data: {source: digits}
model: {backbone: test_resnet}
method: {name: cross_entropy}
"""


@pytest.fixture
def plan(tmp_path):
    (tmp_path / "canary.yaml").write_text(CANARY)
    (tmp_path / "plan.yaml").write_text(PLAN.format(folder=tmp_path))
    return tmp_path / "plan.yaml"


def test_a_second_tick_leaves_while_the_first_decides(run_here, plan, tmp_path):
    (tmp_path / "nightly").mkdir()
    with FileLock(tmp_path / "nightly" / "running.lock"):
        done = run_here(main, "run-due", plan, "--now", "2026-11-30T22:41+01:00")
    assert (done.returncode, done.stdout) == (0, "another tick is at it: this one leaves\n")
    assert not (tmp_path / "runs").exists()


def test_a_full_disk_is_one_line_and_no_half_event(run_here, plan, tmp_path, small_disk):
    room = small_disk("64k")
    plan.write_text(plan.read_text().replace(f"{tmp_path}/nightly", f"{room}/nightly"))
    assert run_here(main, "run-due", plan, "--now", "2026-11-30T10:00+01:00").returncode == 0
    before = (room / "nightly" / "ledger.jsonl").read_bytes()
    with contextlib.suppress(OSError), (room / "rest").open("wb") as file:
        while True:
            file.write(bytes(512))
            file.flush()
    done = run_here(main, "run-due", plan, "--now", "2027-01-20T10:00+01:00")
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1 and "full" in done.stderr
    after = (room / "nightly" / "ledger.jsonl").read_bytes()
    assert after.startswith(before) and after.endswith(b"\n")
    assert {one.state for one in Ledger(room / "nightly").read().nights.values()} == {"missed"}


@pytest.mark.parametrize(("verb", "code"), [("run-due", 3), ("page", 2), ("prune", 2)])
def test_a_disk_that_is_read_only_is_one_line(run_here, plan, tmp_path, small_disk, verb, code):
    room = small_disk("64k")
    plan.write_text(plan.read_text().replace(f"{tmp_path}/nightly", f"{room}/nightly"))
    assert run_here(main, "run-due", plan, "--now", "2026-11-30T10:00+01:00").returncode == 0
    subprocess.run(["mount", "-o", "remount,ro", room], check=True)
    done = run_here(main, verb, plan, "--now", "2027-01-20T10:00+01:00")
    assert done.returncode == code
    assert done.stderr.count("\n") == 1 and "cannot be written: Read-only file system" in done.stderr


def test_a_night_that_was_taken_out_of_the_plan_ends_and_nobody_is_told(run_here, plan, tmp_path):
    told = tmp_path / "told"
    plan.write_text(plan.read_text() + f"notify: {{to: [{{command: [sh, -c, 'cat >> {told}']}}]}}\n")
    quiet = ["--now", "2026-12-01T10:00+01:00"]
    assert run_here(main, "run-due", plan, *quiet).returncode == 0
    ledger = Ledger(tmp_path / "nightly")
    died = Night("old", "2026-11-30", "running", "2026-11-30T22:30:00+01:00", attempt=1)
    ledger.append(died, at=datetime.fromisoformat("2026-11-30T22:31:00+01:00"))
    assert "old: not in the plan any more" in run_here(main, "status", plan).stdout
    done = run_here(main, "run-due", plan, *quiet)
    assert (done.returncode, done.stdout) == (0, "old@2026-11-30: stopped: not in the plan any more\n")
    assert not told.exists()
    [ended] = json.loads(run_here(main, "status", plan, "--json", *quiet).stdout)["nights"]
    assert (ended["state"], ended["reason"]) == ("stopped", "not in the plan any more")
    assert ended["in_plan"] is False
    page = (tmp_path / "nightly" / "index.html").read_text()
    assert "old is not in the plan any more" in page and "fails since" not in page


@pytest.mark.sweep
def test_mlflow_that_is_away_fails_the_night_in_one_line_and_is_told_once(
    run_here, plan, tmp_path, monkeypatch
):
    told = tmp_path / "told"
    plan.write_text(plan.read_text() + f"notify: {{to: [{{command: [sh, -c, 'cat >> {told}']}}]}}\n")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    done = run_here(main, "run-due", plan, "--now", "2026-11-30T22:41+01:00")
    assert done.returncode == 3 and done.stderr == ""
    [*_, last] = done.stdout.splitlines()
    cause = "MLflow at http://127.0.0.1:9: no MLflow server answers (Connection refused)"
    assert last == f"digits@2026-11-30: failed: canary: exit code 2: {cause}"
    assert run_here(main, "run-due", plan, "--now", "2026-11-30T22:51+01:00").returncode == 0
    assert told.read_text().count("digits@2026-11-30 failed") == 1


def night(state, verdict=None):
    compared = comparison(verdict, (0.9,))
    return Night("a", "2026-11-30", state, "", verdict=verdict, comparisons=(compared,))


@pytest.mark.parametrize(
    ("nights", "code"),
    [
        ([], 0),
        ([night("done", "same"), night("skipped")], 0),
        ([night("done", "better")], 0),
        ([night("done", "worse")], 1),
        ([night("missed"), night("done", "worse")], 4),
        ([night("failed"), night("missed")], 3),
        ([night("stopped")], 3),
    ],
)
def test_the_exit_code_is_the_most_serious(nights, code):
    assert exit_code(nights) == code
