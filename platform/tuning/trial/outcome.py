"""How a trial ended: the results that it reports to Tune at its end, and what they mean.

Imports no Ray: reports read causes with it too.
"""

import re
import traceback
from collections.abc import Mapping
from typing import Any, Literal

import torch

from platform.config.errors import UserError
from platform.training.errors import TrainingDiverged

Outcome = Literal["finished", "pruned", "failed"]

FAILURE = "failure"
"""Key of a trial's last result that holds why the trial failed."""

NOT_KEPT = "not_kept"
"""Key of a result that holds why the checkpoint could not be written; the trial goes on when you resume."""

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
"""Errors that would recur: the trial reports them as its failure. Ray runs the trial again for all others."""

FINAL_ALONE = (*FINAL, RuntimeError)
"""The same for a trial of one process. With several, a RuntimeError may only say that another one died."""

OUT_OF_MEMORY = re.compile(
    r"^(\w+\.)*\w*MemoryError\b|\bout of memory\b|can't allocate memory", re.IGNORECASE
)


def outcome_of(result: Mapping[str, Any]) -> Outcome:
    """The outcome of a trial whose last result is ``result``; "pruned" if it was stopped before its end."""
    if result.get(FAILURE):
        return "failed"
    return "finished" if result.get("finished") else "pruned"


def failure_result(cause: str, epoch: int) -> dict[str, Any]:
    """The last result of a trial that failed after ``epoch`` epochs; ``cause``: a line, then details.

    It needs ``done``: Tune's searcher looks for the metric in any other result, and raises without it.
    """
    return {FAILURE: cause, "epoch": epoch, "finished": False, "done": True}


def not_kept_result(cause: str) -> dict[str, Any]:
    """The result of a trial that could not write its last checkpoint, or read it."""
    return {NOT_KEPT: cause.partition("\n")[0].rpartition("StorageError: ")[2], "epoch": 0, "finished": False}


def error_text(error: BaseException) -> str:
    """The error on one line, ``TrainingDiverged: the loss of …``, then its traceback."""
    line = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__}: {line}\n\n{''.join(traceback.format_exception(error))}"


def is_out_of_memory(cause: str) -> bool:
    """Whether the cause is one of torch's allocators, Python's, NumPy's or Ray's out-of-memory errors."""
    return OUT_OF_MEMORY.search(cause) is not None
