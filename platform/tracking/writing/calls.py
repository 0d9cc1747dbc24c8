"""The calls for MLflow that a spool may hold: their arguments, and which may follow which.

A spool may be a stranger's, or damaged: what reads it relies on what is checked here.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from platform.tracking.records import Outcome, SweepOutcome

Call = Literal[
    "log_sweep", "change_space", "start_trial", "report", "finish_trial", "let_go", "reopen", "finish"
]
Count = Annotated[int, Field(ge=0, lt=2**53)]
LAST_MS = 253_402_300_799_000
"""The last millisecond that a calendar has: the year 9999."""


@dataclass(frozen=True)
class Entry:
    """The ``n``-th call (from 1) of a writer's method, made at Unix time ``at_ms`` (ms)."""

    n: int
    at_ms: int
    call: Call
    arguments: dict[str, object]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class _Data(_Strict):
    name: str
    source: str
    digest: str
    rows: dict[str, Count]
    classes: list[str]
    manifest: str = ""
    policy: str = ""


class _Description(_Strict):
    space_yaml: str
    plan: str
    constants: dict[str, Any]
    seed: int
    data: _Data
    command: str = ""
    goals: list[str] = []
    searched: list[str] = []
    tags: dict[str, str] = {}


class _Code(_Strict):
    commit: str
    dirty: str
    lock: str


class _LogSweep(_Strict):
    sweep: _Description
    code: _Code


class _ChangeSpace(_Strict):
    space_yaml: str
    plan: str
    constants: dict[str, Any]
    left_out: dict[str, str]
    unfinished: list[str]


class _OfTrial(_Strict):
    trial_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*\z", max_length=255)]
    """Folders and files are named after it."""


class _StartTrial(_OfTrial):
    searched: dict[str, Any]
    constants: dict[str, Any]
    config: dict[str, Any]
    attempt: Count
    confirms: str | None = None
    marks: dict[str, str] = {}


class _Report(_OfTrial):
    step: Count
    metrics: dict[str, float]


class _FinishTrial(_OfTrial):
    outcome: Outcome
    checkpoint: str | None
    checkpoint_last: str | None
    cause: str | None


class _LetGo(_OfTrial):
    checkpoint: str | None
    checkpoint_last: str | None


class _Reopen(_Strict):
    attempt: Count = 2
    """Earlier versions did not count."""


class _Finish(_Strict):
    outcome: SweepOutcome


ARGUMENTS: dict[str, type[_Strict]] = {
    "log_sweep": _LogSweep,
    "change_space": _ChangeSpace,
    "start_trial": _StartTrial,
    "report": _Report,
    "finish_trial": _FinishTrial,
    "let_go": _LetGo,
    "reopen": _Reopen,
    "finish": _Finish,
}


class _Line(_Strict):
    n: Annotated[int, Field(ge=1, lt=2**53)]
    at_ms: Annotated[int, Field(ge=0, le=LAST_MS)]
    call: Call
    arguments: dict[str, Any]


class Calls:
    """Reads a spool's lines in their order."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._trials: set[str] = set()

    def read(self, line: bytes) -> None:
        """Raises ValueError, which says why, for a line that is no call, or none that may follow."""
        try:
            record = _Line.model_validate(json.loads(line))
            ARGUMENTS[record.call].model_validate(record.arguments)
        except RecursionError:
            raise ValueError("lists and objects lie too deep in each other") from None
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            place = ".".join(map(str, first["loc"]))
            raise ValueError(f"{place}: {first['msg']}" if place else first["msg"]) from None
        after = self.entries[-1].n if self.entries else 0
        if record.n <= after:
            raise ValueError(f"number {record.n} comes after {after}")
        self._refuse_unknown(record)
        self.entries.append(Entry(record.n, record.at_ms, record.call, record.arguments))

    def _refuse_unknown(self, record: _Line) -> None:
        given = record.arguments
        if record.call == "start_trial":
            self._trials.add(given["trial_id"])
        elif record.call == "change_space":
            self._refuse_trials(given["unfinished"])
            if missing := set(given["unfinished"]) - given["left_out"].keys():
                raise ValueError(f"it does not say why {min(missing)!r} is left out")
        elif "trial_id" in given:
            self._refuse_trials([given["trial_id"]])

    def _refuse_trials(self, names: Iterable[str]) -> None:
        if unknown := set(names) - self._trials:
            raise ValueError(f"the trial {min(unknown)!r} has not started")
