"""A command of a round, run to its end as a process of its own."""

from collections.abc import Sequence
from pathlib import Path

from platform.config.errors import UserError
from platform.config.invocation import ROOT
from platform.tuning.errors import SweepBroken
from platform.tuning.run.command_process import run_command

USAGE, INTERRUPTED = 2, 130
GO_ON = "; go on with: "
"""What follows is the command of a single sweep: rounds say their own."""


def carry_out(module: str, words: Sequence[str], log: Path, what: str, *, root: Path = ROOT) -> float:
    """Run ``python -m module``; the seconds that it took. What it says is appended to ``log``.

    Raises:
        UserError: it ended with 2, a mistake in settings or data.
        KeyboardInterrupt: it was interrupted, and can go on.
        SweepBroken: it ended otherwise.
    """
    ended = run_command(module, words, log, lambda: None, root=root)
    if ended.code == 0:
        return ended.seconds
    if ended.code == INTERRUPTED:
        raise KeyboardInterrupt
    cause = ended.last_line.partition(GO_ON)[0] or "it said nothing"
    if ended.code == USAGE:
        raise UserError(f"{what}: {cause}")
    raise SweepBroken(f"{what} ended with exit code {ended.code}: {cause}; its log: {log}")
