import json
import math
import pickle
from dataclasses import replace
from pathlib import Path

import pytest

from platform.tracking.connect import connect
from platform.tracking.environment import code_version
from platform.tracking.reading.reader import read_sweep
from platform.tracking.tracking_config import TrackingError
from platform.tracking.writing.writer import SweepWriter

FILES_OF_A_SWEEP = ["environment.json", "plan.txt", "space.yaml"]


def runs_by_name(uri):
    client = connect(uri)
    experiment = client.get_experiment_by_name("exp")
    runs = client.search_runs([experiment.experiment_id])
    return client, {run.data.tags.get("trial_id", run.info.run_name): run for run in runs}


def test_the_parent_says_what_the_sweep_ran_on(uri, description):
    writer = SweepWriter.open(uri, "exp", "night")
    writer.log_sweep(description)
    writer.finish("finished")
    client, runs = runs_by_name(uri)
    parent = runs["night"]
    assert parent.info.status == "FINISHED"
    assert parent.data.params == {"epochs": "3", "optim.name": "sgd", "peer_model": "null", "ema": "true"}
    code = code_version()
    tags = parent.data.tags
    assert (tags["git_commit"], tags["git_dirty"], tags["lock_digest"]) == (
        code.commit,
        code.dirty,
        code.lock,
    )
    assert tags["data_digest"] == "d" * 64
    assert tags["seed"] == "7"
    assert tags["outcome"] == "finished"
    data = parent.inputs.dataset_inputs[0].dataset
    assert (data.name, data.digest) == ("digits", "d" * 36)
    assert json.loads(data.profile)["rows"] == {"train": 1000, "val": 300}
    assert sorted(file.path for file in client.list_artifacts(parent.info.run_id)) == FILES_OF_A_SWEEP
    folder = client.download_artifacts(parent.info.run_id, "environment.json")
    assert any(package.startswith("torch==") for package in json.loads(Path(folder).read_text())["packages"])


def test_children_hold_what_was_searched_as_params_and_all_else_as_tags(uri, write_trial):
    writer = SweepWriter.open(uri, "exp", "night")
    write_trial(writer, "t1", checkpoint="runs/a/best", checkpoint_last="runs/a/last")
    write_trial(writer, "t2", "pruned", epochs=1)
    write_trial(writer, "t3", "failed", cause="TrainingDiverged: loss is nan\nTraceback …")
    _, runs = runs_by_name(uri)
    first = runs["t1"]
    assert first.info.run_name == "night/t1"
    assert first.data.params == {
        "method.drop_rate": "0.3",
        "method.rank_by": "loss",
        "method.name": "peer",
        "model.backbone": "resnet10t",
    }
    expected = {
        "mlflow.parentRunId": writer.state.parent_run_id,
        "sweep": "night",
        "trial_id": "t1",
        "attempt": "1",
        "outcome": "finished",
        "method": "peer",
        "backbone": "resnet10t",
        "searched": '["method.drop_rate","method.rank_by"]',
        "constants": '{"epochs":3}',
        "checkpoint": "runs/a/best",
        "checkpoint_last": "runs/a/last",
    }
    assert expected.items() <= first.data.tags.items()
    outcomes = {
        name: (runs[name].info.status, runs[name].data.tags["outcome"]) for name in ("t1", "t2", "t3")
    }
    assert outcomes == {
        "t1": ("FINISHED", "finished"),
        "t2": ("FINISHED", "pruned"),
        "t3": ("FAILED", "failed"),
    }
    assert runs["t3"].data.tags["cause"] == "TrainingDiverged: loss is nan"
    client = connect(uri)
    cause = client.download_artifacts(runs["t3"].info.run_id, "cause.txt")
    assert Path(cause).read_text().endswith("Traceback …")
    assert client.list_artifacts(first.info.run_id) == []


def test_trials_of_two_sweeps_in_one_experiment_have_columns_in_common(uri):
    sweeps = [SweepWriter.open(uri, "exp", name) for name in ("night", "day")]
    for writer, method in zip(sweeps, ("peer", "supcon"), strict=True):
        config = {"method": {"name": method}, "model": {"backbone": "resnet10t"}}
        writer.start_trial("0000", searched={"method.name": method}, constants={}, config=config)
        writer.finish("finished")
    runs = connect(uri).search_runs([sweeps[0].state.experiment_id], "tags.trial_id LIKE '%'")
    assert {(run.info.run_name, run.data.params["method.name"]) for run in runs} == {
        ("night/0000", "peer"),
        ("day/0000", "supcon"),
    }
    [trial] = read_sweep(uri, sweeps[1].state.parent_run_id).trials
    assert trial.searched == {"method.name": "supcon"}, "of the columns, what was searched stays so"


def test_a_report_is_one_request(uri, monkeypatch):
    """Counted at MLflow's store: the methods of it that one report reaches."""
    writer = SweepWriter.open(uri, "exp", "night")
    writer.start_trial("t", searched={}, constants={}, config={})
    store = writer._client._tracking_client.store
    calls = []
    for name in ("log_batch", "log_metric", "set_tag", "log_param", "update_run_info", "get_run"):
        real = getattr(store, name)
        monkeypatch.setattr(
            store, name, lambda *a, _real=real, _name=name, **k: (calls.append(_name), _real(*a, **k))
        )
    writer.report("t", 1, {f"metric/{index}": 0.5 for index in range(20)})
    assert calls == ["log_batch"]


def test_values_that_are_not_finite_break_nothing_and_are_named(uri):
    writer = SweepWriter.open(uri, "exp", "night")
    writer.start_trial("t", searched={}, constants={}, config={})
    writer.report("t", 1, {"train/loss": 1.0, "val/accuracy": 0.5})
    writer.report(
        "t", 2, {"train/loss": math.nan, "train/a": math.inf, "train/b": -math.inf, "val/accuracy": 0.1}
    )
    writer.finish_trial("t", "failed", cause="diverged")
    trial = read_sweep(uri, writer.state.parent_run_id).trials[0]
    assert trial.history["val/accuracy"] == [(1, 0.5), (2, 0.1)]
    assert trial.history["train/loss"][0] == (1, 1.0)
    assert math.isnan(trial.history["train/loss"][1][1])
    assert trial.history["train/a"] == [(2, math.inf)]
    assert trial.history["train/b"] == [(2, -math.inf)]
    _, runs = runs_by_name(uri)
    assert runs["t"].data.tags["non_finite"] == "epoch 2: train/loss = nan, train/a = inf, train/b = -inf"


def test_a_sweep_goes_on_in_another_process_without_a_run_or_an_epoch_twice(uri, write_trial):
    first = SweepWriter.open(uri, "exp", "night")
    write_trial(first, "done")
    first.start_trial("cut", searched={"a": 1}, constants={}, config={"a": 1})
    first.report("cut", 1, {"val/accuracy": 0.1})
    first.report("cut", 2, {"val/accuracy": 0.2})

    second = SweepWriter.from_state(pickle.loads(pickle.dumps(first.state)))
    second.start_trial("cut", searched={"a": 1}, constants={}, config={"a": 1})
    second.report("cut", 2, {"val/accuracy": 0.9})  # restored from the checkpoint of epoch 1: done again
    second.report("cut", 3, {"val/accuracy": 0.3})
    second.finish_trial("cut", "finished")
    second.finish("finished")

    sweep = read_sweep(uri, first.state.parent_run_id)
    assert [(trial.trial_id, trial.attempt, trial.outcome) for trial in sweep.trials] == [
        ("done", 1, "finished"),
        ("cut", 2, "finished"),
    ]
    assert sweep.trials[1].history["val/accuracy"] == [(1, 0.1), (2, 0.2), (3, 0.3)]
    _, runs = runs_by_name(uri)
    assert runs["cut"].info.status == "FINISHED"
    assert len(runs) == 3


def test_a_trial_restarted_by_the_same_driver_is_its_next_attempt(uri):
    writer = SweepWriter.open(uri, "exp", "night")
    for _ in range(3):
        writer.start_trial("t", searched={}, constants={}, config={})
    writer.finish_trial("t", "finished")
    [trial] = read_sweep(uri, writer.state.parent_run_id).trials
    assert trial.attempt == 3


def test_trials_left_open_at_the_end_were_interrupted(uri, write_trial):
    writer = SweepWriter.open(uri, "exp", "night")
    write_trial(writer, "done")
    writer.start_trial("open", searched={}, constants={}, config={})
    writer.finish("interrupted")
    _, runs = runs_by_name(uri)
    assert runs["open"].data.tags["outcome"] == "interrupted"
    assert runs["open"].info.status == "KILLED"
    assert runs["done"].data.tags["outcome"] == "finished"
    assert runs["night"].data.tags["outcome"] == "interrupted"


def test_more_parameters_than_mlflow_takes_at_once_are_all_logged(uri):
    writer = SweepWriter.open(uri, "exp", "night")
    writer.start_trial("t", searched={f"p{n}": n for n in range(250)}, constants={}, config={})
    [trial] = read_sweep(uri, writer.state.parent_run_id).trials
    assert trial.searched == {f"p{n}": str(n) for n in range(250)}


def test_a_config_longer_than_a_tag_is_refused_not_cut(uri):
    writer = SweepWriter.open(uri, "exp", "night")
    with pytest.raises(TrackingError, match="8000 characters"):
        writer.start_trial("t", searched={}, constants={}, config={"weights": "x" * 9000})


def test_the_report_goes_to_the_parent(uri, tmp_path):
    writer = SweepWriter.open(uri, "exp", "night")
    writer.finish("finished")
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "index.html").write_text("<p>page</p>")
    (tmp_path / "trials.csv").write_text("trial\n")
    later = SweepWriter.from_state(writer.state)
    later.log_report(tmp_path / "report", [tmp_path / "trials.csv"], metrics={"best/val/accuracy": 0.9})
    client = connect(uri)
    run_id = writer.state.parent_run_id
    assert [file.path for file in client.list_artifacts(run_id)] == ["report", "trials.csv"]
    assert client.get_run(run_id).data.metrics == {"best/val/accuracy": 0.9}


def test_a_state_whose_run_is_gone_is_an_error(uri):
    writer = SweepWriter.open(uri, "exp", "night")
    with pytest.raises(TrackingError, match="0{32}"):
        SweepWriter.from_state(replace(writer.state, parent_run_id="0" * 32))
    connect(uri).delete_run(writer.state.parent_run_id)
    with pytest.raises(
        TrackingError, match=f"'night' was deleted .* runs restore --run-id {writer.state.parent_run_id}"
    ):
        SweepWriter.from_state(writer.state)
