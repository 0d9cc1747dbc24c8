"""Reads the record of a sweep: from MLflow, after pending calls are delivered, or from its spool."""

import time
from dataclasses import dataclass
from pathlib import Path

from platform.tracking.reading.reader import read_sweep
from platform.tracking.reading.replay import replayed_sweep
from platform.tracking.records import SweepRecord, WriterState
from platform.tracking.tracking_config import TrackingError
from platform.tracking.writing.spool import SpoolTaken, read_entries, read_position
from platform.tracking.writing.spooled_writer import SpooledWriter

DELIVERING_S = 5.0
"""How long a reader waits for the process that runs the sweep to deliver its last calls."""


@dataclass(frozen=True)
class Recorded:
    """``undelivered``: one line on why the record comes from the spool; None if it comes from MLflow."""

    sweep: SweepRecord
    undelivered: str | None = None


def recorded_sweep(state: WriterState, spool: Path) -> Recorded:
    """Read the complete record of the sweep of ``state``, whether or not MLflow has all of it.

    Raises:
        TrackingError: MLflow does not answer and the sweep has no spool, or one that cannot be read.
    """
    if not spool.exists():
        return Recorded(read_sweep(state.uri, state.parent_run_id))
    entries = read_entries(spool)
    try:
        _deliver(state, spool)
        return Recorded(read_sweep(state.uri, state.parent_run_id))
    except TrackingError as error:
        if not entries:
            raise
        waiting = _waiting(spool)
        words = f"{error}; {waiting} of {len(entries)} calls for it wait in {spool}"
        return Recorded(replayed_sweep(state, entries), words)


def _deliver(state: WriterState, spool: Path) -> None:
    """Deliver pending calls; if the sweep is running, its own process does so within seconds."""
    until = time.monotonic() + DELIVERING_S
    while _waiting(spool):
        try:
            with SpooledWriter(state, spool, patience_s=0) as writer:
                writer.catch_up()
        except SpoolTaken:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def _waiting(spool: Path) -> int:
    position = read_position(spool)
    return sum(entry.n > position for entry in read_entries(spool))
