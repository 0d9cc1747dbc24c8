"""A received sweep.json names an MLflow: it is not asked, gets no token, and no database is opened."""

import json
import sqlite3
import threading
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from platform.search import main as search
from platform.tracking.own_mlflow import StrangeMlflow, is_own, name_own, record_file
from platform.tracking.reading.recorded import recorded_sweep
from platform.tracking.records import DatasetRecord, SweepDescription, WriterState
from platform.tracking.writing.relocation import relocate
from platform.tracking.writing.spooled_writer import SpooledWriter
from platform.tracking.writing.writer import SweepWriter
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.resume.automatic import clear
from reports.__main__ import main as reports
from tests.security.test_received_folders import IDENTITY, SPACE

DATA = DatasetRecord("digits", "digits", "d" * 64, {"train": 8, "val": 2}, ("a", "b"))


@pytest.fixture
def stranger(monkeypatch):
    """A real server; ``seen``: the Authorization of each request to it."""
    seen: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            seen.append(self.headers.get("Authorization"))
            self.send_response(404)
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_):
            pass

    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "our-token")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield SimpleNamespace(seen=seen, uri=f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
        thread.join()


@pytest.fixture
def folder(tmp_path, stranger):
    made = SweepFolder(tmp_path / "runs" / "got")
    made.path.mkdir(parents=True)
    made.space.write_text(SPACE)
    made.write_record(replace(IDENTITY, tracking_uri=stranger.uri))
    return made


def spooled(state, spool):
    with SpooledWriter(state, spool) as writer:
        writer.log_sweep(SweepDescription("epochs: 2\n", "a plan\n", {"epochs": 2}, 0, DATA))
        writer.start_trial("0000", searched={"lr": 0.1}, constants={"epochs": 2}, config={"lr": 0.1})
        writer.report("0000", 1, {"val/accuracy": 0.5})
        writer.finish_trial("0000", "finished")


def test_no_command_sends_a_token_to_a_server_that_only_the_folder_names(folder, stranger, capsys):
    place = str(folder.path.parent)
    assert search(["--list", "--out", place]) == 0
    said = capsys.readouterr().out
    assert f"got: MLflow at {stranger.uri}: only the sweep's folder names it, so it is not asked" in said
    assert search(["--status", "got", "--out", place]) == 0
    assert reports([str(folder.path)]) == 2
    assert f"if it is yours, set MLFLOW_TRACKING_URI={stranger.uri}\n" in capsys.readouterr().err
    assert stranger.seen == []


def test_its_spool_serves_and_nothing_is_delivered(folder, stranger):
    state = folder.read_record().writer_state
    spooled(state, folder.spool)
    assert relocate(state, folder.spool) == (state, None)
    found = recorded_sweep(state, folder.spool)
    assert found.sweep.trials[0].history == {"val/accuracy": [(1, 0.5)]}
    assert "only the sweep's folder names it" in found.undelivered
    assert stranger.seen == []


def test_a_start_that_died_has_nothing_deleted_on_a_strangers_server(folder, stranger):
    folder.record_file.unlink()
    forged = WriterState(stranger.uri, "birds", "1", "0" * 32, "got")
    folder.opening.write_text(json.dumps(asdict(forged)))
    with pytest.raises(StrangeMlflow):
        clear(folder, None)
    assert stranger.seen == []


def test_the_users_own_server_is_asked(folder, stranger, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"{stranger.uri}/")
    assert search(["--list", "--out", str(folder.path.parent)]) == 0
    assert stranger.seen and set(stranger.seen) == {"Bearer our-token"}


def test_an_address_that_a_sweep_of_the_user_had_is_remembered(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr("platform.tracking.own_mlflow._named", set())
    address = "http://mlflow.example.org:5000"
    assert not is_own(address)
    name_own(address, remember=True)
    name_own(address, remember=True)
    assert record_file().read_text() == f"{address}\n"
    assert record_file().stat().st_mode & 0o777 == 0o600
    monkeypatch.setattr("platform.tracking.own_mlflow._named", set())  # another process
    assert is_own(f"{address}/") and not is_own("http://mlflow.example.org:5001")


def test_a_database_of_something_else_is_neither_opened_nor_locked(folder, tmp_path, capsys):
    ours = tmp_path / "ours"
    ours.mkdir()
    with sqlite3.connect(ours / "bookmarks.db") as database:
        database.execute("CREATE TABLE bookmarks (address)")
    database.close()
    before = (ours / "bookmarks.db").read_bytes()
    folder.write_record(replace(IDENTITY, tracking_uri=f"sqlite:///{ours}/bookmarks.db"))
    assert search(["--list", "--out", str(folder.path.parent)]) == 0
    assert "only the sweep's folder names it" in capsys.readouterr().out
    assert reports([str(folder.path)]) == 2
    assert [path.name for path in ours.iterdir()] == ["bookmarks.db"]
    assert (ours / "bookmarks.db").read_bytes() == before


def test_a_database_beside_the_sweeps_is_the_users_and_one_in_the_folder_is_not(
    folder, tmp_path, empty_mlflow, monkeypatch
):
    monkeypatch.setattr("platform.tracking.own_mlflow._named", set())
    for place in (tmp_path, folder.path.parent, folder.path, tmp_path / "ours"):
        place.mkdir(exist_ok=True)
        (place / "mlflow.db").write_bytes(empty_mlflow.read_bytes())
    own = [
        is_own(f"sqlite:///{place}/mlflow.db", folder.path)
        for place in (tmp_path, folder.path.parent, folder.path, tmp_path / "ours")
    ]
    assert own == [True, True, False, False]


def test_without_its_file_the_runs_are_made_anew_in_the_users_own(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/own.db")
    state = replace(folder.read_record().writer_state, uri="sqlite:////not/here/mlflow.db")
    spooled(state, folder.spool)
    anew, words = relocate(state, folder.spool)
    assert anew.uri == f"sqlite:///{tmp_path}/own.db" and "made its runs anew" in words
    assert SweepWriter.from_state(anew).state == anew
