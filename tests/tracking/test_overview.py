"""A sweep at a glance, from a real SQLite store."""

import pytest

from platform.tracking.reading.overview import glance_at
from platform.tracking.writing.writer import SweepWriter


@pytest.mark.parametrize(("mode", "best"), [("max", 0.3), ("min", 0.1)])
def test_a_sweep_is_seen_while_it_runs(uri, write_trial, mode, best):
    writer = SweepWriter.open(uri, "exp", "night")
    write_trial(writer, "0000")
    writer.start_trial(
        "0001", searched={"lr": 0.1}, constants={}, config={"method": {"name": "core"}, "model": {}}
    )
    for epoch in (1, 2):
        writer.report("0001", epoch, {"val/accuracy": 0.2 * epoch, "time/epoch_s": 1.5})
    write_trial(writer, "0002", "failed", epochs=0, cause="ValueError: boom\nwhere")
    seen = glance_at(uri, writer.state.parent_run_id, "val/accuracy", mode)
    first, second, third = seen.trials
    assert seen.outcome == "running" and seen.started > 1.6e9
    assert (first.outcome, first.epochs, first.best) == ("finished", 3, pytest.approx(best))
    assert (second.outcome, second.epochs, second.last, second.seconds) == ("running", 2, 0.4, 3.0)
    assert (second.method, second.searched, second.attempt) == ("core", {"lr": "0.1"}, 1)
    assert (third.outcome, third.epochs, third.best, third.cause) == ("failed", 0, None, "ValueError: boom")
