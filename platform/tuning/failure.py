"""Why a trial failed, out of what Ray wraps around it."""

import re
from pathlib import Path

from ray import cloudpickle
from ray.exceptions import RayActorError
from ray.tune.experiment import Trial

from platform.config.errors import UserError
from platform.storage.disk import full_disk

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
OUT_OF_MEMORY = re.compile(
    r"^(\w+\.)*\w*MemoryError\b|\bout of memory\b|can't allocate memory", re.IGNORECASE
)
RAISED = re.compile(r"(?:\w+\.)*(?P<type>\w+): (?P<message>.+)")


class SweepBroken(Exception):
    """Something outside the trials ended the sweep; ``str()`` is one line. What was saved can be resumed."""


def outside_cause(error: BaseException, place: Path) -> str | None:
    """The error that Tune wrapped, in one line, if it is one that the user can do something about.

    ``place``: where the sweep writes.
    """
    if words := full_disk(error, place):
        return words
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, UserError):
            return str(inner)
        inner = inner.__cause__ or inner.__context__
    return None


def cause_of(trial: Trial) -> str:
    """The cause as one line, ``TrainingDiverged: the loss of …``, then what is known of where, as text.

    Read from the driver's own copy: Tune copies it into the sweep's folder only later.
    """
    lines = [cause_line(trial)]
    if trial.error_file and Path(trial.error_file).exists():
        lines.append(COLOURS.sub("", Path(trial.error_file).read_text(encoding="utf-8")))
    return "\n\n".join(lines)


def cause_line(trial: Trial) -> str:
    if not trial.pickled_error_file or not Path(trial.pickled_error_file).exists():
        return "the trial's process died without saying why"
    with open(trial.pickled_error_file, "rb") as file:
        return words_of(cloudpickle.load(file))


def is_out_of_memory(cause: str) -> bool:
    """Whether the line says so: of torch's allocators, of Python's and NumPy's, of Ray's monitor."""
    return OUT_OF_MEMORY.search(cause) is not None


def words_of(error: BaseException) -> str:
    """One line of an exception, of its cause where Ray wrapped one."""
    cause = getattr(error, "cause", None) or error
    words = COLOURS.sub("", str(cause)).strip().splitlines()
    if not words:
        return type(cause).__name__
    # A process that dies while it starts leaves a traceback as text: its last line names the cause.
    if isinstance(cause, RayActorError):
        named = RAISED.match(words[-1])
        if named is None:
            return "the trial's process died: killed, perhaps for want of memory"
        return f"{named['type']}: {named['message']}"
    return f"{type(cause).__name__}: {words[-1]}"
