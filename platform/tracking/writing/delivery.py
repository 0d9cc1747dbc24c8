"""Delivers a sweep's spool to MLflow, at once or in a thread, so that training does not wait."""

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from platform.config.environment import environment_with
from platform.config.secrets import shown_uri
from platform.tracking.mlflow_errors import one_line
from platform.tracking.records import WriterState
from platform.tracking.tracking_config import MlflowAway, TrackingError
from platform.tracking.writing.calls import Entry
from platform.tracking.writing.space_change import write_space_change
from platform.tracking.writing.spool import Spool, described
from platform.tracking.writing.writer import SweepWriter

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 15.0
"""Between two tries while MLflow is away, doubled each time: one that is back is noticed within 15 s."""

LEAVING_S = 5.0
"""How long the end of the process waits for a request that hangs; then the request is left to die with it."""

# The thread tries again, and a hung request must not delay the end of the sweep. A time limit that the user
# has set is kept, as a slow server may need it.
_RETRIES = "MLFLOW_HTTP_REQUEST_MAX_RETRIES"
_TIMEOUT, _TIMEOUT_S = "MLFLOW_HTTP_REQUEST_TIMEOUT", "10"

logger = logging.getLogger(__name__)


class Courier:
    """Delivers the calls of ``spool`` to the sweep of ``state``, each once and in order."""

    def __init__(self, spool: Spool, state: WriterState) -> None:
        self._spool = spool
        self._state = state
        self._writer: SweepWriter | None = None
        self._has_failed = False

    def deliver(self, stop: threading.Event | None = None) -> None:
        """Deliver until nothing is pending, or ``stop`` is set.

        After a failure, the next try asks MLflow what it has: a call may arrive and its answer get lost.

        Raises:
            MlflowAway: a later try may succeed. TrackingError: MLflow refuses the call.
        """
        while (entry := self._spool.first()) and not (stop and stop.is_set()):
            if entry.call == "finish" and self._has_failed:
                self._writer = None  # made anew, it finds what arrived later than its answer was awaited
            try:
                self._writer = self._writer or SweepWriter.from_state(self._state)
                _send(self._writer, entry)
                if entry.call == "change_space":
                    self._writer = None  # made anew, it finds the trials as they are now
            except TrackingError:
                self._writer, self._has_failed = None, True
                raise
            except Exception as error:  # an artifact store's own: they have no kind in common
                self._writer, self._has_failed = None, True
                where = shown_uri(self._state.uri)
                raise MlflowAway(f"MLflow at {where}: {type(error).__name__}: {one_line(error)}") from error
            self._spool.confirm(entry)


class Delivery:
    """A thread that delivers while a sweep runs; it says once when MLflow is away, back, or refuses.

    A refused call (its run is gone, say) stays in the spool with all that follow, and is retried at the end.
    """

    def __init__(self, spool: Spool, state: WriterState) -> None:
        self._spool = spool
        self._courier = Courier(spool, state)
        self._news = threading.Event()  # something to deliver, or the end
        self._hurry = threading.Event()  # the end is near: pauses of a second
        self._stop = threading.Event()
        self._refused = False
        self._away = False
        self._thread = threading.Thread(target=self._run, name="mlflow-delivery", daemon=True)
        self._thread.start()

    def notify(self) -> None:
        """Tell the thread that a call was appended to the spool."""
        self._news.set()

    def wait(self, patience_s: float) -> None:
        """Wait until nothing is pending, MLflow refuses a call, or it accepts none for ``patience_s``."""
        self._hurry.set()
        self._news.set()
        waiting, since = self._spool.waiting, time.monotonic()
        while waiting and self._thread.is_alive() and time.monotonic() - since < patience_s:
            time.sleep(0.02)
            if self._spool.waiting != waiting:
                waiting, since = self._spool.waiting, time.monotonic()

    def stop(self) -> bool:
        """End the thread; False if a request hangs longer than LEAVING_S.

        The thread then ends with the process, and keeps the spool until then.
        """
        self._stop.set()
        self._news.set()
        self._thread.join(LEAVING_S)
        return not self._thread.is_alive()

    def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stop.is_set():
            self._news.wait()
            self._news.clear()
            if self._refused and not self._hurry.is_set():
                continue
            try:
                self._courier.deliver(self._stop)
            except MlflowAway as error:
                self._say_away(error)
                self._pause(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
                self._news.set()
            except TrackingError as error:
                self._say_refused(error)
                if self._hurry.is_set():
                    return
            else:
                pause_s = FIRST_PAUSE_S
                self._say_back()

    def _pause(self, pause_s: float) -> None:
        """Pause between tries, and sync the spool to disk every second."""
        until = time.monotonic() + pause_s
        while (left := until - time.monotonic()) > 0 and not self._stop.is_set():
            self._spool.sync()
            self._stop.wait(min(left, 1.0))
            if self._hurry.is_set():
                return

    def _say_away(self, error: MlflowAway) -> None:
        if not self._away:
            self._away = True
            logger.warning("%s; training goes on, and what it reports waits in %s", error, self._spool.path)

    def _say_refused(self, error: TrackingError) -> None:
        if not self._refused:
            self._refused = True
            logger.warning("%s; training goes on, and what it reports stays in %s", error, self._spool.path)

    def _say_back(self) -> None:
        if (self._away or self._refused) and not self._spool.waiting:
            self._away = self._refused = False
            logger.warning("MLflow answers again and has all that waited in %s", self._spool.path)


@contextmanager
def prompt_requests() -> Iterator[None]:
    """Context in which MLflow's requests fail early, as the caller tries again."""
    with environment_with({_RETRIES: "0", _TIMEOUT: os.environ.get(_TIMEOUT, _TIMEOUT_S)}):
        yield


def _send(writer: SweepWriter, entry: Entry) -> None:
    given: dict[str, Any] = entry.arguments
    match entry.call:
        case "log_sweep":
            writer.log_sweep(*described(entry))
        case "change_space":
            write_space_change(writer.state, **given, at_ms=entry.at_ms)
        case "reopen":
            writer.reopen(given.get("attempt", 2))  # earlier versions did not count
        case call:
            getattr(writer, call)(**given, at_ms=entry.at_ms)
