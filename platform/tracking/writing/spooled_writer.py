"""The writer of a sweep's driver: each call is appended to the spool, from which MLflow gets it later."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self, Unpack

from platform.tracking.environment import code_version
from platform.tracking.fields import trial_tags
from platform.tracking.records import (
    Outcome,
    SweepDescription,
    SweepOutcome,
    TrialEnd,
    TrialStart,
    WriterState,
)
from platform.tracking.writing.calls import Call
from platform.tracking.writing.delivery import Courier, Delivery, prompt_requests
from platform.tracking.writing.spool import Spool

PATIENCE_S = 60.0
"""How long the end of a sweep waits for an MLflow that takes nothing: a server restarts in less."""


class SpooledWriter:
    """Writes one sweep through the spool at ``path``; a context manager that stops the delivery at its end.

    ``tags``: of each trial's run, besides its own.

    Before ``start``, only ``catch_up`` delivers. Only ``catch_up`` and ``close`` wait for MLflow.

    Raises:
        SpoolTaken: another process still writes this sweep after ``patience_s``.
        TrackingError: the spool cannot be read.
    """

    def __init__(
        self,
        state: WriterState,
        path: Path,
        *,
        tags: Mapping[str, str] | None = None,
        patience_s: float = 5.0,
    ) -> None:
        self._state = state
        self._tags = tags or {}
        self._spool = Spool(path, patience_s=patience_s)
        self._delivery: Delivery | None = None
        self._is_closed = False
        self._requests = ExitStack()
        self._attempts = self._spool.starts

    @property
    def waiting(self) -> int:
        """Number of calls that MLflow has not confirmed."""
        return self._spool.waiting

    @property
    def started(self) -> frozenset[str]:
        """The trials that have started."""
        return frozenset(self._attempts)

    @property
    def open_trials(self) -> frozenset[str]:
        """Trials that had started but not ended when an earlier process died."""
        return frozenset(self._spool.open_trials)

    @property
    def space(self) -> tuple[str, dict[str, str]]:
        """The last space in the spool when it was opened, and why trials do not fit it."""
        return self._spool.space

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def catch_up(self) -> None:
        """Deliver all pending calls now.

        Raises:
            TrackingError: MLflow is away or refuses a call; the rest stays pending.
        """
        with prompt_requests():
            Courier(self._spool, self._state).deliver()

    def start(self) -> None:
        """Start delivering in a thread."""
        if self._delivery is None:
            self._requests.enter_context(prompt_requests())
            self._delivery = Delivery(self._spool, self._state)

    def log_sweep(self, sweep: SweepDescription) -> None:
        """See SweepWriter; so do the following methods."""
        self._append("log_sweep", sweep=asdict(sweep), code=asdict(code_version()))

    def change_space(
        self,
        *,
        space_yaml: str,
        plan: str,
        constants: Mapping[str, object],
        left_out: Mapping[str, str],
        unfinished: Sequence[str],
    ) -> None:
        """See platform.tracking.writing.space_change."""
        self._append(
            "change_space",
            space_yaml=space_yaml,
            plan=plan,
            constants=constants,
            left_out=left_out,
            unfinished=unfinished,
        )

    def start_trial(self, trial_id: str, **start: Unpack[TrialStart]) -> None:
        """Raises TrackingError if the config is longer than MLflow allows."""
        trial_tags(searched=start["searched"], constants=start["constants"], config=start["config"])
        self._attempts[trial_id] += 1
        every: TrialStart = {"confirms": None, **start, "marks": {**self._tags, **(start.get("marks") or {})}}
        self._append("start_trial", trial_id=trial_id, **every, attempt=self._attempts[trial_id])

    def report(self, trial_id: str, step: int, metrics: Mapping[str, float]) -> None:
        self._append("report", trial_id=trial_id, step=step, metrics=metrics)

    def finish_trial(self, trial_id: str, outcome: Outcome, **end: Unpack[TrialEnd]) -> None:
        every: TrialEnd = {"checkpoint": None, "checkpoint_last": None, "cause": None, **end}
        self._append("finish_trial", trial_id=trial_id, outcome=outcome, **every)

    def let_go(self, trial_id: str, *, checkpoint: str | None, checkpoint_last: str | None) -> None:
        self._append("let_go", trial_id=trial_id, checkpoint=checkpoint, checkpoint_last=checkpoint_last)

    def reopen(self, attempt: int) -> None:
        self._append("reopen", attempt=attempt)

    def finish(self, outcome: SweepOutcome) -> None:
        self._append("finish", outcome=outcome)

    def close(self, patience_s: float = 0.0) -> None:
        """Stop delivering, after waiting while calls are accepted, or for ``patience_s`` while none is."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if self._delivery is not None:
                self._delivery.wait(patience_s)
        finally:
            self._requests.close()
            # A hung request's thread keeps the spool as long as this process lives.
            if self._delivery is None or self._delivery.stop():
                self._spool.close()

    def _append(self, call: Call, **arguments: object) -> None:
        self._spool.append(call, arguments)
        if self._delivery is not None:
            self._delivery.notify()
