"""How a trial ended, by what it reported last; the one place that decides it."""

import traceback
from collections.abc import Mapping
from typing import Any, Literal

import torch

from platform.config.errors import UserError
from platform.training.errors import TrainingDiverged

Outcome = Literal["finished", "pruned", "failed"]

FAILURE = "failure"
"""Key of a result in which a trial says why it cannot go on."""

NOT_KEPT = "not_kept"
"""Key of a result in which a trial says why what it has learnt cannot be kept: it has not ended by that."""

FINAL = (
    UserError,
    TrainingDiverged,
    torch.OutOfMemoryError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
)
"""Errors that another attempt would end in as well: they are reported; what is raised is tried again."""

FINAL_ALONE = (*FINAL, RuntimeError)
"""The same where a trial is one process: of several, one's death is a RuntimeError in the others."""


def outcome_of(result: Mapping[str, Any]) -> Outcome:
    """Of a trial that has ended: all its epochs done, given up by itself, or stopped before."""
    if result.get(FAILURE):
        return "failed"
    return "finished" if result.get("finished") else "pruned"


def failure_result(error: BaseException, epoch: int) -> dict[str, Any]:
    """The last result of a trial that the error has ended after ``epoch`` whole epochs."""
    return given_up(in_words(error), epoch)


def given_up(cause: str, epoch: int) -> dict[str, Any]:
    """The same, with the cause in words, its first line by itself.

    Without ``done`` Tune's searcher would look for the metric in it, and end the sweep where there is none.
    """
    return {FAILURE: cause, "epoch": epoch, "finished": False, "done": True}


def not_kept(cause: str) -> dict[str, Any]:
    """What a trial tells that could not write its last checkpoint, or read it."""
    return {NOT_KEPT: cause.partition("\n")[0].rpartition("StorageError: ")[2], "epoch": 0, "finished": False}


def in_words(error: BaseException) -> str:
    """One line, ``TrainingDiverged: the loss of …``, then where it was raised."""
    line = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__}: {line}\n\n{''.join(traceback.format_exception(error))}"
