"""A sweep's space is changed: what MLflow has of it then, and that the spool alone says the same."""

from dataclasses import asdict
from pathlib import Path

import pytest
from mlflow import MlflowClient

from platform.tracking.reading.reader import read_sweep
from platform.tracking.reading.replay import replayed_sweep
from platform.tracking.writing.spool import read_entries
from platform.tracking.writing.spooled_writer import SpooledWriter
from platform.tracking.writing.writer import SweepWriter

CONSTANTS = {"epochs": 3, "peer_model": None, "ema": True, "batch_size": 64}


@pytest.fixture
def sweep(uri, tmp_path, description, write_trial):
    """One trial that has ended, and one that had not when its process was gone."""
    state = SweepWriter.open(uri, "tests", "nightly").state
    path = tmp_path / "mlflow_spool.jsonl"
    with SpooledWriter(state, path) as writer:
        writer.log_sweep(description)
        write_trial(writer, "0000")
        write_trial(writer, "0001", "interrupted", epochs=2)
        writer.catch_up()
    return state, path


def change(sweep, left_out, unfinished=(), space="epochs: 3\nbatch_size: 64\n"):
    with SpooledWriter(*sweep) as writer:
        writer.change_space(
            space_yaml=space,
            plan="5 trials\n",
            constants=CONSTANTS,
            left_out=left_out,
            unfinished=list(unfinished),
        )
        writer.catch_up()


def test_the_parent_has_the_new_space_and_trials_say_whether_they_fit(sweep, tmp_path):
    state, path = sweep
    change(sweep, {"0000": "a is 1", "0001": "a is 2"}, ["0001"])
    client = MlflowClient(state.uri)
    file = client.download_artifacts(state.parent_run_id, "space.yaml", str(tmp_path))
    assert Path(file).read_text() == "epochs: 3\nbatch_size: 64\n"
    parent = client.get_run(state.parent_run_id)
    assert parent.data.params["batch_size"] == "64" and parent.data.tags["now_searched"] == "optim.name"

    told = read_sweep(state.uri, state.parent_run_id).trials
    assert [(one.left_out, one.outcome, one.cause) for one in told] == [
        ("a is 1", "finished", None),
        ("a is 2", "interrupted", "a is 2"),
    ]
    assert client.get_run(told[1].run_id).info.status == "KILLED"
    replayed = replayed_sweep(state, read_entries(path))
    for here, there in zip(replayed.trials, told, strict=True):
        same = {"run_id": "", "started_ms": 0, "ended_ms": 0}
        assert asdict(here) | same == asdict(there) | same


def test_a_trial_that_fits_again_loses_the_tag(sweep):
    state, _ = sweep
    change(sweep, {"0000": "a is 1"})
    change(sweep, {})
    assert [one.left_out for one in read_sweep(state.uri, state.parent_run_id).trials] == [None, None]


def test_a_later_process_knows_what_mlflow_was_told_last(sweep):
    with SpooledWriter(*sweep) as writer:
        assert writer.space == ("epochs: 3\n", {})
    change(sweep, {"0000": "a is 1"}, space="epochs: 3\n# another\n")
    with SpooledWriter(*sweep) as writer:
        assert writer.space == ("epochs: 3\n# another\n", {"0000": "a is 1"})
