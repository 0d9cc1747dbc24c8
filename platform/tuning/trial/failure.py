"""Why a trial or the whole sweep failed, found in the errors that Ray wraps around the cause."""

import re
from pathlib import Path

from ray.exceptions import RayActorError
from ray.tune.experiment import Trial

from platform.config.errors import UserError
from platform.storage.disk import broken_disk

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
FAILURE_HEAD = re.compile(r"^Failure # \d+ \(occurred at [^)\n]*\)$", re.MULTILINE)
"""What Tune writes above each error."""
ACTOR_DIED = re.compile(r"The actor ")
FRAME = '  File "'
DIED = "the trial's process died: killed, perhaps because memory ran out"
RAISED = re.compile(r"(?:\w+\.)*(?P<type>\w+): (?P<message>.+)")


def outside_cause(error: BaseException, folder: Path) -> str | None:
    """One line on the error inside Tune's, if it is one that you can mend; ``folder``: the sweep's."""
    if line := broken_disk(error, folder):
        return line
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, UserError):
            return str(inner)
        inner = inner.__cause__ or inner.__context__
    return None


def cause_of(trial: Trial) -> str:
    """Why the trial failed, on one line, then the traceback if there is one."""
    return "\n\n".join([cause_line(trial), *([_text(trial)] if _text(trial) else [])])


def cause_line(trial: Trial) -> str:
    """Why the trial failed, on one line.

    Read from the text that Tune writes beside the error's pickle: on a cluster other users may be able to
    write into that folder, and a pickle can run code.
    """
    lines = FAILURE_HEAD.split(_text(trial))[-1].strip().splitlines()
    if not lines:
        return "the trial's process died and left no message"
    frames = [place for place, line in enumerate(lines) if line.startswith(FRAME)]
    after = lines[frames[-1] + 1 :] if frames else lines[-1:]
    raised = next((line for line in after if line and not line.startswith("  ")), lines[-1])
    named = RAISED.match(raised)
    if named is None:
        return DIED if ACTOR_DIED.match(lines[0]) else raised
    return f"{named['type']}: {named['message']}"


def _text(trial: Trial) -> str:
    """All errors of the trial as Tune wrote them down, in the driver's own copy of the trial's folder."""
    if not trial.error_file or not Path(trial.error_file).exists():
        return ""
    return COLOURS.sub("", Path(trial.error_file).read_text(encoding="utf-8"))


def error_line(error: BaseException) -> str:
    """One line on an exception, or on its cause where Ray wrapped one."""
    cause = getattr(error, "cause", None) or error
    lines = COLOURS.sub("", str(cause)).strip().splitlines()
    if not lines:
        return type(cause).__name__
    # A process that dies while it starts leaves a traceback as text, whose last line names the cause.
    if isinstance(cause, RayActorError):
        named = RAISED.match(lines[-1])
        return DIED if named is None else f"{named['type']}: {named['message']}"
    return f"{type(cause).__name__}: {lines[-1]}"
