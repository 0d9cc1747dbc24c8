"""A sweep's MLflow after folders were moved or copied: found again, or made anew from the spool."""

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.tracking._tracking_service.utils import _artifact_repos_cache

from platform.tracking.connect import connect
from platform.tracking.own_mlflow import name_own
from platform.tracking.reading.recorded import recorded_sweep
from platform.tracking.records import DatasetRecord, SweepDescription
from platform.tracking.tracking_config import TrackingError
from platform.tracking.writing.relocation import relocate
from platform.tracking.writing.spool import position_file
from platform.tracking.writing.spooled_writer import SpooledWriter
from platform.tracking.writing.writer import SweepWriter

DATA = DatasetRecord("digits", "digits", "d" * 64, {"train": 8, "val": 2}, ("a", "b"))


@pytest.fixture
def place(tmp_path):
    """A folder with a database and the spool of a sweep of one trial, all of it delivered."""
    folder = tmp_path / "old"
    folder.mkdir()
    state = SweepWriter.open(f"sqlite:///{folder}/mlflow.db", "birds", "peer").state
    with SpooledWriter(state, folder / "spool.jsonl") as writer:
        writer.log_sweep(SweepDescription("epochs: 2\n", "a plan\n", {"epochs": 2}, 0, DATA))
        writer.start_trial("0000", searched={"lr": 0.1}, constants={"epochs": 2}, config={"lr": 0.1})
        writer.report("0000", 1, {"val/accuracy": 0.5})
        writer.report("0000", 2, {"val/accuracy": 0.75})
        writer.finish_trial("0000", "finished")
        writer.finish("finished")
        writer.catch_up()
    return folder, state


def test_a_sweep_that_was_not_moved_stays_where_it_is(place):
    folder, state = place
    assert relocate(state, folder / "spool.jsonl") == (state, None)


def test_without_its_database_its_runs_are_made_anew_and_nothing_where_it_was(place, tmp_path, monkeypatch):
    folder, state = place
    now = tmp_path / "new"
    now.mkdir()
    shutil.copy(folder / "spool.jsonl", now)
    shutil.copy(folder / "spool.position", now)
    before = recorded_sweep(state, folder / "spool.jsonl").sweep
    for file in folder.iterdir():
        shutil.rmtree(file) if file.is_dir() else file.unlink()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{now}/here.db")
    anew, words = relocate(state, now / "spool.jsonl")
    assert "made its runs anew" in words and str(now / "here.db") in words
    found = recorded_sweep(anew, now / "spool.jsonl")
    assert found.undelivered is None
    assert found.sweep.run_id == anew.parent_run_id != state.parent_run_id
    assert found.sweep.trials[0].history == before.trials[0].history
    assert found.sweep.trials[0].outcome == "finished"
    assert list(folder.iterdir()) == []
    assert relocate(anew, now / "spool.jsonl") == (anew, None)


def test_a_database_that_was_copied_along_is_used_with_its_artifacts(place, tmp_path, monkeypatch):
    folder, state = place
    now = tmp_path / "new"
    shutil.move(folder, now)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(now)  # its mlflow.db is the default there
    here, words = relocate(state, now / "spool.jsonl")
    assert here.parent_run_id == state.parent_run_id
    assert words.startswith(f"MLflow is sqlite:///{now}/mlflow.db now")
    _artifact_repos_cache.clear()  # another process would not know where the run's artifacts were
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("page")
    SweepWriter.from_state(here).log_report(tmp_path / "page")
    assert not folder.exists()
    assert list((now / "mlartifacts").rglob("index.html"))
    assert [one.path for one in connect(here.uri).list_artifacts(here.parent_run_id, "report")]


def test_without_database_and_spool_a_line_says_what_is_missing(place, tmp_path, monkeypatch):
    _, state = place
    Path(state.uri.removeprefix("sqlite:///")).unlink()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/here.db")
    with pytest.raises(TrackingError, match=r"has no none\.jsonl to make its runs anew from"):
        relocate(state, tmp_path / "none.jsonl")
    assert not (tmp_path / "here.db").exists()


def test_one_deleted_under_a_process_that_uses_it_is_made_anew_by_the_next(place, root, monkeypatch):
    folder, state = place
    monkeypatch.setenv("MLFLOW_TRACKING_URI", state.uri)
    (folder / "mlflow.db").unlink()
    spool = folder / "spool.jsonl"
    assert relocate(state, spool) == (state, None)
    position_file(spool).write_text("3")
    found = recorded_sweep(state, spool)
    assert found.sweep.trials[0].history["val/accuracy"] == [(1, 0.5), (2, 0.75)]
    assert "the database is not there; 3 of 6 calls for it wait" in found.undelivered
    line = [sys.executable, "-c", NEXT, json.dumps(vars(state)), str(spool)]
    done = subprocess.run(line, cwd=root, capture_output=True, text=True)
    assert "made its runs anew" in done.stdout and done.stdout.endswith(" 1\n"), done.stdout + done.stderr


NEXT = """
import json, sys
from pathlib import Path
from platform.tracking.reading.recorded import recorded_sweep
from platform.tracking.records import WriterState
from platform.tracking.writing.relocation import relocate
spool = Path(sys.argv[2])
anew, words = relocate(WriterState(**json.loads(sys.argv[1])), spool)
found = recorded_sweep(anew, spool)
assert found.undelivered is None
print(words, len(found.sweep.trials))
"""


def test_a_locked_database_is_waited_for_and_not_given_up(place):
    folder, state = place
    lock = sqlite3.connect(folder / "mlflow.db", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    assert relocate(state, folder / "spool.jsonl") == (state, None)
    lock.close()


def test_a_database_that_is_gone_is_not_created_by_reading_it(tmp_path):
    name_own(f"sqlite:///{tmp_path}/gone.db")
    with pytest.raises(TrackingError, match="the database is not there"):
        connect(f"sqlite:///{tmp_path}/gone.db")
    assert list(tmp_path.iterdir()) == []
