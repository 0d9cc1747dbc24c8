import pytest

from platform.tracking.reading.reader import read_sweep
from platform.tracking.tracking_config import TrackingError
from platform.tracking.writing.writer import SweepWriter


def test_what_was_written_is_read_back_with_its_types(uri, description):
    writer = SweepWriter.open(uri, "exp", "night")
    writer.log_sweep(description)
    config = {
        "seed": 0,
        "method": {"name": "peer", "drop_rate": 0.25},
        "ema": None,
        "augment": {"scale": [0.5, 1.0]},
        "model": {"backbone": "1"},
    }
    searched = {"method.drop_rate": 0.25, "ema": None, "augment.scale": [0.5, 1.0], "model.backbone": "1"}
    writer.start_trial("t", searched=searched, constants={"seed": 0}, config=config)
    for epoch in (1, 2, 10):
        writer.report("t", epoch, {"val/accuracy": epoch / 10})
    writer.finish_trial("t", "finished", checkpoint="a b/c")
    writer.finish("finished")

    sweep = read_sweep(uri, writer.state.parent_run_id)
    assert (sweep.name, sweep.experiment, sweep.outcome) == ("night", "exp", "finished")
    assert sweep.params["optim.name"] == "sgd"
    assert sweep.tags["seed"] == "7"
    [trial] = sweep.trials
    assert trial.searched == searched
    assert trial.config == config
    assert trial.history == {"val/accuracy": [(1, 0.1), (2, 0.2), (10, 1.0)]}
    assert trial.checkpoint == "a b/c"
    assert trial.cause is None
    assert trial.ended_ms >= trial.started_ms > 0


def test_a_checkpoint_that_was_deleted_is_none(uri):
    writer = SweepWriter.open(uri, "exp", "night")
    for trial in ("all", "last"):
        writer.start_trial(trial, searched={}, constants={}, config={})
        writer.finish_trial(trial, "finished", checkpoint="best", checkpoint_last="last")
    writer.let_go("all", checkpoint=None, checkpoint_last=None)
    writer.let_go("last", checkpoint="best", checkpoint_last=None)
    trials = {one.trial_id: one for one in read_sweep(uri, writer.state.parent_run_id).trials}
    assert (trials["all"].checkpoint, trials["all"].was_deleted) == (None, True)
    last = trials["last"]
    assert (last.checkpoint, last.checkpoint_last, last.was_deleted) == ("best", None, False)


def test_a_sweep_that_still_runs_can_be_read(uri):
    writer = SweepWriter.open(uri, "exp", "night")
    writer.start_trial("t", searched={"method": "peer"}, constants={}, config={"method": {"name": "peer"}})
    sweep = read_sweep(uri, writer.state.parent_run_id)
    assert sweep.outcome == "running"
    [trial] = sweep.trials
    assert (trial.outcome, trial.history, trial.ended_ms) == ("running", {}, None)
    assert trial.searched == {"method": "peer"}, "a choice between sections is known by its name"


def test_only_the_trials_of_this_sweep_are_read(uri, write_trial):
    first, second = SweepWriter.open(uri, "exp", "one"), SweepWriter.open(uri, "exp", "two")
    write_trial(first, "mine")
    write_trial(second, "theirs")
    assert [trial.trial_id for trial in read_sweep(uri, first.state.parent_run_id).trials] == ["mine"]


def test_an_unknown_run_is_one_line(uri):
    with pytest.raises(TrackingError, match=r"^MLflow at sqlite:.*0123456789abcdef") as error:
        read_sweep(uri, "0123456789abcdef" * 2)
    assert "\n" not in str(error.value)
