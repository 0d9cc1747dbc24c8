"""A sweep at a glance: from its spool, and, without one, from a real SQLite store."""

import subprocess
import sys
from dataclasses import replace

import pytest

from platform.tracking.reading.overview import glance_at_spool
from platform.tracking.reading.overview_in_mlflow import glance_at
from platform.tracking.writing.spooled_writer import SpooledWriter
from platform.tracking.writing.writer import SweepWriter


@pytest.fixture
def night(uri, description, tmp_path, write_trial):
    """A sweep that runs: one trial finished, one ran for two epochs, one failed. The state and the spool."""
    state, spool = SweepWriter.open(uri, "exp", "night").state, tmp_path / "mlflow_spool.jsonl"
    with SpooledWriter(state, spool) as writer:
        writer.log_sweep(description)
        write_trial(writer, "0000")
        writer.start_trial(
            "0001", searched={"lr": 0.1}, constants={}, config={"method": {"name": "core"}, "model": {}}
        )
        for epoch in (1, 2):
            writer.report("0001", epoch, {"val/accuracy": 0.2 * epoch, "time/epoch_s": 1.5})
        write_trial(writer, "0002", "failed", epochs=0, cause="ValueError: boom\nwhere")
        writer.catch_up()
    return state, spool


@pytest.mark.parametrize(("mode", "best"), [("max", 0.3), ("min", 0.1)])
def test_a_sweep_is_seen_while_it_runs(night, mode, best):
    state, spool = night
    seen = glance_at_spool(state, spool, "val/accuracy", mode)
    first, second, third = seen.trials
    assert seen.outcome == "running" and seen.started > 1.6e9
    assert (first.outcome, first.epochs, first.best) == ("finished", 3, pytest.approx(best))
    assert (second.outcome, second.epochs, second.last, second.seconds) == ("running", 2, 0.4, 3.0)
    assert (second.method, second.searched, second.attempt) == ("core", {"lr": "0.1"}, 1)
    assert (third.outcome, third.epochs, third.best, third.cause) == ("failed", 0, None, "ValueError: boom")
    in_mlflow = glance_at(state.uri, state.parent_run_id, "val/accuracy", mode)
    assert replace(in_mlflow, started=seen.started) == seen


def test_a_sweep_without_a_spool_is_none(night, tmp_path):
    assert glance_at_spool(night[0], tmp_path / "none.jsonl", "val/accuracy", "max") is None


def test_the_glance_imports_nothing_heavy(night, root):
    state, spool = night
    script = (
        "import sys\n"
        "from platform.tracking.records import WriterState\n"
        "from platform.tracking.reading.overview import glance_at_spool\n"
        "import platform.tuning.watching.list_and_status, platform.tuning.watching.sweep_state\n"
        "from pathlib import Path\n"
        f"seen = glance_at_spool({state!r}, Path({str(spool)!r}), 'a', 'max')\nassert len(seen.trials) == 3\n"
        "heavy = {'torch', 'ray', 'mlflow', 'pandas', 'sqlalchemy', 'sklearn', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
