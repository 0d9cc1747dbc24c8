"""Runs the programs of the system that an installation needs: systemctl, crontab, kubectl, scrontab."""

import os
import subprocess
from collections.abc import Mapping
from shutil import which

from platform.config.errors import UserError

PATIENCE_S = 60


def need(program: str, instead: str) -> None:
    """Raises UserError if the program is not on PATH; ``instead``: what the user can do then."""
    if which(program) is None:
        raise UserError(f"{program}: is not on this machine's PATH; {instead}")


def run(
    *words: str, given: str | None = None, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """The program to its end, with ``given`` on its standard input; its messages are in English."""
    try:
        return subprocess.run(
            words,
            input=given,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            env={**os.environ, "LC_ALL": "C", **(environment or {})},
            timeout=PATIENCE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UserError(f"{' '.join(words)}: does not answer within {PATIENCE_S} s") from None


def done(*words: str, given: str | None = None, environment: Mapping[str, str] | None = None) -> str:
    """What the program prints; raises UserError with its own words if it fails."""
    ended = run(*words, given=given, environment=environment)
    if ended.returncode != 0:
        cause = " ".join((ended.stderr or ended.stdout).split())[:400]
        raise UserError(f"{' '.join(words)}: failed (exit code {ended.returncode}): {cause}")
    return ended.stdout
