"""The writer that a sweep's driver holds: a call goes to the spool and returns; MLflow gets it from there."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from platform.tracking.writing.delivery import Courier, Delivery, prompt_requests
from platform.tracking.environment import code_version
from platform.tracking.fields import trial_tags
from platform.tracking.records import Outcome, SweepDescription, SweepOutcome, WriterState
from platform.tracking.writing.spool import Call, Spool

PATIENCE_S = 60.0
"""How long the end of a sweep waits for an MLflow that takes nothing: a server restarts in less."""


class SpooledWriter:
    """Writes one sweep through the spool at ``path``; a context manager, whose end stops the delivery.

    Until ``start`` nothing is delivered but by ``catch_up``. Of the other methods only ``close`` waits for
    MLflow.

    Raises:
        SpoolTaken: another process still writes this sweep after ``patience_s``.
        TrackingError: the spool cannot be read.
    """

    def __init__(self, state: WriterState, path: Path, *, patience_s: float = 5.0) -> None:
        self._state = state
        self._spool = Spool(path, patience_s=patience_s)
        self._delivery: Delivery | None = None
        self._is_closed = False
        self._requests = ExitStack()
        self._attempts = self._spool.starts

    @property
    def waiting(self) -> int:
        """How many calls MLflow has not confirmed."""
        return self._spool.waiting

    @property
    def started(self) -> frozenset[str]:
        """The trials that have started."""
        return frozenset(self._attempts)

    @property
    def open_trials(self) -> frozenset[str]:
        """Those that had started and not ended when an earlier process was gone."""
        return frozenset(self._spool.open_trials)

    @property
    def space(self) -> tuple[str, dict[str, str]]:
        """The text of the space that was written last, and why trials do not fit it, as it was opened."""
        return self._spool.space

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def catch_up(self) -> None:
        """Deliver all that waits, now.

        Raises:
            TrackingError: MLflow is away, or does not take it; the rest still waits.
        """
        with prompt_requests():
            Courier(self._spool, self._state).deliver()

    def start(self) -> None:
        """Deliver from now on, in a thread."""
        if self._delivery is None:
            self._requests.enter_context(prompt_requests())
            self._delivery = Delivery(self._spool, self._state)

    def log_sweep(self, sweep: SweepDescription) -> None:
        """See SweepWriter, as for the methods that follow."""
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

    def start_trial(
        self,
        trial_id: str,
        *,
        searched: Mapping[str, object],
        constants: Mapping[str, object],
        config: Mapping[str, object],
        confirms: str | None = None,
        marks: Mapping[str, str] | None = None,
    ) -> None:
        """Raises TrackingError where the config is longer than MLflow keeps."""
        trial_tags(searched=searched, constants=constants, config=config)
        self._attempts[trial_id] += 1
        self._append(
            "start_trial",
            trial_id=trial_id,
            searched=searched,
            constants=constants,
            config=config,
            confirms=confirms,
            marks=dict(marks or {}),
            attempt=self._attempts[trial_id],
        )

    def report(self, trial_id: str, step: int, metrics: Mapping[str, float]) -> None:
        self._append("report", trial_id=trial_id, step=step, metrics=metrics)

    def finish_trial(
        self,
        trial_id: str,
        outcome: Outcome,
        *,
        checkpoint: str | None = None,
        checkpoint_last: str | None = None,
        cause: str | None = None,
    ) -> None:
        self._append(
            "finish_trial",
            trial_id=trial_id,
            outcome=outcome,
            checkpoint=checkpoint,
            checkpoint_last=checkpoint_last,
            cause=cause,
        )

    def let_go(self, trial_id: str, *, checkpoint: str | None, checkpoint_last: str | None) -> None:
        self._append("let_go", trial_id=trial_id, checkpoint=checkpoint, checkpoint_last=checkpoint_last)

    def reopen(self) -> None:
        self._append("reopen")

    def finish(self, outcome: SweepOutcome) -> None:
        self._append("finish", outcome=outcome)

    def close(self, patience_s: float = 0.0) -> None:
        """Stop delivering; first wait while calls arrive, and for ``patience_s`` while none does."""
        if self._is_closed:
            return
        self._is_closed = True
        try:
            if self._delivery is not None:
                self._delivery.wait(patience_s)
        finally:
            self._requests.close()
            # Where a request hangs, its thread keeps the spool for as long as this process lives.
            if self._delivery is None or self._delivery.stop():
                self._spool.close()

    def _append(self, call: Call, **arguments: object) -> None:
        self._spool.append(call, arguments)
        if self._delivery is not None:
            self._delivery.notify()
