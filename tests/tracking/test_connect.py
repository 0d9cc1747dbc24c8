import os
import subprocess
import sys
import time

import pytest

from platform.tracking.connect import connect, find_or_create_experiment
from platform.tracking.own_mlflow import name_own
from platform.tracking.tracking_config import TrackingError
from platform.tracking.writing.writer import SweepWriter

pytestmark = pytest.mark.sweep

OPEN_AND_WRITE = """
import sys
from pathlib import Path
from platform.tracking.writing.spooled_writer import SpooledWriter
from platform.tracking.writing.writer import SweepWriter
print("ready", flush=True)
sys.stdin.readline()
state = SweepWriter.open(sys.argv[1], "same", sys.argv[2]).state
with SpooledWriter(state, Path(sys.argv[3])) as writer:
    writer.start()
    writer.start_trial("t", searched={"a": 1}, constants={}, config={})
    for epoch in range(1, 31):
        writer.report("t", epoch, {f"m{index}": 0.5 for index in range(20)})
    writer.finish_trial("t", "finished")
    writer.finish("finished")
    writer.close(60)
    assert not writer.waiting
"""


def test_two_processes_create_one_database_at_once_and_both_write_to_it(tmp_path):
    uri = f"sqlite:///{tmp_path}/new.db"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", OPEN_AND_WRITE, uri, name, str(tmp_path / f"{name}.jsonl")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("one", "two")
    ]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("\n")
        process.stdin.flush()
    endings = [(*process.communicate(), process.returncode) for process in processes]
    assert endings == [("", "", 0)] * 2, "both must finish, and say nothing on the terminal"

    name_own(uri)
    client = connect(uri)
    experiment = client.get_experiment_by_name("same")
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(run.info.run_name for run in runs) == ["one", "one/t", "two", "two/t"]
    assert all(run.info.status == "FINISHED" for run in runs)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://127.0.0.1:9", "no MLflow server answers (Connection refused)"),
        ("http://ann:secret@no-such-host.invalid", "no MLflow server answers"),
        ("postgresql+psycopg://u@127.0.0.1:9/x", "driver is not installed: no module 'psycopg'"),
        ("sqlite:///{folder}/missing/mlflow.db", "missing does not exist"),
        ("sqlite:///{folder}", "is a folder"),
        ("sqlite:///{folder}/text.db", "is not a SQLite database"),
    ],
)
def test_an_address_where_no_mlflow_answers_is_one_line_within_seconds(tmp_path, address, words):
    (tmp_path / "text.db").write_text("this is no database at all\n")
    uri = address.format(folder=tmp_path)
    started = time.monotonic()
    with pytest.raises(TrackingError) as error:
        SweepWriter.open(uri, "experiment", "sweep")
    assert words in str(error.value)
    assert str(error.value).startswith("MLflow at ")
    assert "\n" not in str(error.value)
    assert "secret" not in str(error.value)
    assert time.monotonic() - started < 10


def test_a_failed_opening_leaves_the_retry_settings_as_they_were(monkeypatch):
    monkeypatch.delenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", raising=False)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "3")
    with pytest.raises(TrackingError):
        connect("http://127.0.0.1:9")
    assert "MLFLOW_HTTP_REQUEST_MAX_RETRIES" not in os.environ
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "3"


def test_an_experiment_deleted_in_mlflow_is_named_with_the_way_back(uri):
    client = connect(uri, creates=True)
    experiment = find_or_create_experiment(client, uri, "gone")
    client.delete_experiment(experiment.experiment_id)
    with pytest.raises(TrackingError, match=rf"mlflow experiments restore -x {experiment.experiment_id}"):
        SweepWriter.open(uri, "gone", "sweep")


def test_artifacts_lie_beside_the_database_wherever_the_command_runs(uri, tmp_path, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    experiment = find_or_create_experiment(connect(uri, creates=True), uri, "a/b c")
    assert experiment.artifact_location == f"file://{tmp_path}/mlartifacts/a%252Fb%20c"
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text("page")
    SweepWriter.open(uri, "a/b c", "sweep").log_report(tmp_path / "report")
    assert list((tmp_path / "mlartifacts").rglob("index.html"))
    assert list(elsewhere.iterdir()) == []
