"""What waits in the spool arrives in MLflow once and in order, whatever was cut off, locked or refused."""

import json
import logging
import socket
import sqlite3
import subprocess
import sys
import time

import pytest
from mlflow.exceptions import MlflowException, RestException
from sqlalchemy.exc import IntegrityError, OperationalError

from platform.tracking.connect import connect
from platform.tracking.mlflow_errors import is_transient
from platform.tracking.own_mlflow import name_own
from platform.tracking.reading.reader import read_sweep
from platform.tracking.reading.recorded import recorded_sweep
from platform.tracking.records import WriterState
from platform.tracking.tracking_config import MlflowAway, TrackingError
from platform.tracking.writing.spool import position_file, read_entries, read_position
from platform.tracking.writing.spooled_writer import SpooledWriter
from platform.tracking.writing.writer import SweepWriter

DRIVER = """
import json, sys
from pathlib import Path
from platform.tracking.records import WriterState
from platform.tracking.writing.spooled_writer import SpooledWriter
writer = SpooledWriter(WriterState(**json.loads(sys.argv[1])), Path(sys.argv[2]))
writer.start()
writer.start_trial("0000", searched={"a": 1}, constants={}, config={"a": 1})
for epoch in range(1, 1_000_000):
    writer.report("0000", epoch, {"val/accuracy": epoch / 1e6, "train/loss": 1.0})
    print(epoch, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def state(uri):
    return SweepWriter.open(uri, "exp", "night").state


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mlflow_spool.jsonl"


def write_sweep(state, path, write_trial, description=None):
    """Two trials and one that is cut off, goes on as another attempt with an epoch again, and diverges."""
    with SpooledWriter(state, path) as writer:
        if description:
            writer.log_sweep(description)
        write_trial(writer, "0000", checkpoint="runs/a")
        write_trial(writer, "0001", "pruned", epochs=1)
        for epochs in ((1, 2), (2, 3)):
            writer.start_trial("0002", searched={"a": True}, constants={}, config={"a": True})
            for epoch in epochs:
                writer.report("0002", epoch, {"val/accuracy": epoch / 10, "train/loss": float("inf")})
        writer.finish_trial("0002", "failed", cause="diverged\nlong story")
        writer.start_trial("0003", searched={}, constants={}, config={})
        writer.finish("interrupted")
        writer.reopen(2)
        write_trial(writer, "0003", epochs=2, checkpoint="runs/d", checkpoint_last="runs/e")
        writer.let_go("0000", checkpoint=None, checkpoint_last=None)
        writer.let_go("0003", checkpoint="runs/d", checkpoint_last=None)
        writer.finish("finished")
        return writer.waiting


def every_point(state):
    """Each stored point of each trial, so that one stored twice is seen."""
    client = connect(state.uri)
    sweep = read_sweep(state.uri, state.parent_run_id)
    return {
        (trial.trial_id, name): [
            (point.step, point.value) for point in client.get_metric_history(trial.run_id, name)
        ]
        for trial in sweep.trials
        for name in trial.history
    }


def test_a_spool_says_of_a_sweep_what_mlflow_says_of_it(state, path, write_trial, description):
    write_sweep(state, path, write_trial, description)
    name_own("http://127.0.0.1:9")
    away = recorded_sweep(WriterState(**{**vars(state), "uri": "http://127.0.0.1:9"}), path)
    count = len(read_entries(path))
    assert away.undelivered == (
        "MLflow at http://127.0.0.1:9: no MLflow server answers (Connection refused); "
        f"{count} of {count} calls for it wait in {path}"
    )
    told = recorded_sweep(state, path)  # delivers, then reads MLflow
    assert told.undelivered is None and read_position(path) == count
    ours, mlflows = away.sweep, told.sweep
    assert (ours.outcome, ours.params) == (mlflows.outcome, mlflows.params)
    assert ours.tags.items() <= mlflows.tags.items()
    for replayed, stored in zip(ours.trials, mlflows.trials, strict=True):
        assert stored.run_id
        assert vars(replayed) | {"run_id": stored.run_id} == vars(stored)


@pytest.mark.parametrize("confirmed", [0, 1, 7, 12])
def test_what_was_sent_but_not_confirmed_is_sent_again_and_changes_nothing(
    state, path, write_trial, confirmed
):
    write_sweep(state, path, write_trial)
    with SpooledWriter(state, path) as writer:
        writer.catch_up()
    before, points = read_sweep(state.uri, state.parent_run_id), every_point(state)
    position_file(path).write_text(f"{confirmed}\n")
    with SpooledWriter(state, path) as writer:
        writer.catch_up()
    assert read_sweep(state.uri, state.parent_run_id) == before
    assert every_point(state) == points
    assert all(len(of) == len(dict(of)) for of in points.values())


def test_a_run_made_by_a_request_that_came_late_is_removed_and_one_cut_off_is_completed(state, path):
    with SpooledWriter(state, path) as writer:
        writer.start_trial("0000", searched={"a": 1}, constants={}, config={"a": 1})
        writer.report("0000", 1, {"val/accuracy": 0.5})
    client = connect(state.uri)
    tags = {"mlflow.parentRunId": state.parent_run_id, "trial_id": "0000", "searched": '["a"]'}
    for _ in range(2):  # as the server made them while nobody waited any more
        client.create_run(state.experiment_id, tags={**tags, "config": '{"a":1}'})
    with SpooledWriter(state, path) as writer:
        writer.catch_up()
    [trial] = read_sweep(state.uri, state.parent_run_id).trials
    assert (trial.searched, trial.history) == ({"a": 1}, {"val/accuracy": [(1, 0.5)]})


def test_a_killed_driver_leaves_what_a_locked_database_did_not_take_to_the_next(state, path):
    lock = sqlite3.connect(state.uri.removeprefix("sqlite:///"), isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")
    driver = subprocess.Popen(
        [sys.executable, "-c", DRIVER, json.dumps(vars(state)), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    for epoch in range(1, 41):
        assert driver.stdout.readline() == f"{epoch}\n"
        driver.stdin.write("\n")
        driver.stdin.flush()
    driver.kill()
    driver.communicate()
    lock.rollback()
    lock.close()
    assert read_position(path) == 0, "nothing can have arrived"
    with SpooledWriter(state, path) as writer:
        writer.catch_up()
        writer.start_trial("0000", searched={"a": 1}, constants={}, config={"a": 1})
        writer.catch_up()
    [trial] = read_sweep(state.uri, state.parent_run_id).trials
    assert trial.attempt == 2
    steps = [step for step, _ in trial.history["val/accuracy"]]
    assert steps[:40] == list(range(1, 41)) and len(steps) <= 41
    assert all(len(of) == len(dict(of)) for of in every_point(state).values())


def test_training_does_not_wait_for_a_locked_database(state, path, write_trial):
    with SpooledWriter(state, path) as writer:
        writer.start()
        lock = sqlite3.connect(state.uri.removeprefix("sqlite:///"), isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
        started = time.monotonic()
        write_trial(writer, "0000", epochs=50)
        assert time.monotonic() - started < 2, "SQLite itself waits for 20 s"
        assert writer.waiting
        lock.rollback()
        lock.close()
        writer.close(30)
        assert not writer.waiting
    [trial] = read_sweep(state.uri, state.parent_run_id).trials
    assert len(trial.history["val/accuracy"]) == 50


def test_a_silent_server_does_not_hold_up_the_end(path, write_trial):
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections, and never answers
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        writer = SpooledWriter(WriterState(uri, "exp", "1", "a" * 32, "night"), path)
        writer.start()
        write_trial(writer, "0000")
        started = time.monotonic()
        writer.close()
        assert time.monotonic() - started < 7
        assert writer.waiting == 5


def test_a_sweep_that_mlflow_refuses_is_said_once_and_kept_and_delivered_when_it_is_back(
    state, path, write_trial, caplog
):
    client = connect(state.uri)
    client.delete_run(state.parent_run_id)
    with SpooledWriter(state, path) as writer, caplog.at_level(logging.WARNING, "platform"):
        writer.start()
        for number in range(3):
            write_trial(writer, f"000{number}")
            time.sleep(0.1)
        [said] = [record.getMessage() for record in caplog.records]
        assert "the sweep 'night' was deleted in MLflow" in said and "\n" not in said
        assert said.endswith(f"training goes on, and what it reports stays in {path}")
        assert writer.waiting == 15
        client.restore_run(state.parent_run_id)
        writer.close(30)
        assert not writer.waiting
    assert [trial.trial_id for trial in read_sweep(state.uri, state.parent_run_id).trials] == [
        "0000",
        "0001",
        "0002",
    ]


def test_a_trial_whose_run_was_deleted_stops_the_delivery_in_one_line(state, path, write_trial):
    with SpooledWriter(state, path) as writer:
        write_trial(writer, "0000")
        writer.catch_up()
        [trial] = read_sweep(state.uri, state.parent_run_id).trials
        connect(state.uri).delete_run(trial.run_id)
        writer.report("0000", 4, {"val/accuracy": 0.5})
        with pytest.raises(TrackingError, match="the run of the trial 0000 of 'night' is gone; restore it"):
            writer.catch_up()
        assert writer.waiting == 1


def rest(code):
    return RestException({"error_code": code, "message": "…"})


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (ConnectionRefusedError("refused"), True),
        (TimeoutError("timed out"), True),
        (OperationalError("INSERT", {}, Exception("database is locked")), True),
        (IntegrityError("INSERT", {}, Exception("UNIQUE constraint failed")), False),
        (MlflowException("API request to http://a failed with exception …"), True),
        (MlflowException("API request to endpoint /a failed with error code 413 != 200. …"), False),
        (MlflowException("API request to endpoint /a failed with error code 502 != 200. …"), True),
        (rest("TEMPORARILY_UNAVAILABLE"), True),
        (rest("REQUEST_LIMIT_EXCEEDED"), True),
        (rest("INTERNAL_ERROR"), True),
        (rest("RESOURCE_DOES_NOT_EXIST"), False),
        (rest("INVALID_PARAMETER_VALUE"), False),
        (rest("INVALID_STATE"), False),
        (rest("PERMISSION_DENIED"), False),
        (ImportError("no psycopg"), False),
    ],
)
def test_what_passes_by_itself_is_told_from_what_is_wrong(error, passes):
    assert is_transient(error) is passes


def test_an_address_that_does_not_answer_is_away_and_a_missing_run_is_not(state):
    name_own("http://127.0.0.1:9")
    with pytest.raises(MlflowAway):
        connect("http://127.0.0.1:9")
    with pytest.raises(TrackingError) as error:
        SweepWriter.from_state(WriterState(**{**vars(state), "parent_run_id": "0" * 32}))
    assert not isinstance(error.value, MlflowAway)
