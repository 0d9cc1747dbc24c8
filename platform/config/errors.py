"""Errors caused by the user's input, and the parts of their messages."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

SHOWN = 20
"""Mistakes that one message lists before it counts the others."""

_CONTROLS = "\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
_NOT_SHOWN, _NOT_IN_A_LINE = re.compile(f"[{_CONTROLS}]"), re.compile(f"[{_CONTROLS}\n]")


class UserError(Exception):
    """A mistake in the user's input; its message is one line that says where, and what would be right.

    The commands print it on stderr without a traceback and exit with code 2. What a terminal would obey, in
    a file's name or a YAML's key, is written as an escape.
    """

    def __init__(self, message: str = "") -> None:
        super().__init__(_NOT_SHOWN.sub(_escaped, message))


def one_line(text: str) -> str:
    """``text`` with line breaks and what a terminal would obey as escapes: ``\\n``, ``\\x1b``."""
    return _NOT_IN_A_LINE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return match[0].encode("unicode_escape").decode()


@dataclass(frozen=True)
class Mark:
    """Where something was written: a file's line and column (both from 1), or the command line (line 0)."""

    source: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.source}:{self.line}:{self.column}" if self.line else self.source


class ConfigError(UserError):
    """Mistakes in a YAML or an override: one line each, ``file:line:column: dotted.path: what is wrong``."""

    def __init__(self, *lines: str, paths: Sequence[str] = ()) -> None:
        """``paths``: of each line's setting, where the lines come from the check of a whole trial."""
        more = [f"… and at least {len(lines) - SHOWN:,} more"] if len(lines) > SHOWN else []
        super().__init__("\n".join([*lines[:SHOWN], *more]))
        self.lines, self.paths = lines, paths

    @classmethod
    def at(cls, mark: Mark, path: str, message: str) -> "ConfigError":
        return cls(located(mark, path, message))


def located(mark: Mark, path: str, message: str) -> str:
    return one_line(f"{mark}: {path}: {message}" if path else f"{mark}: {message}")


def did_you_mean(word: object, choices: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` for the nearest choice, or ``""`` if none is near."""
    near = get_close_matches(str(word), list(choices), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def show(value: object, limit: int = 60) -> str:
    """A value quoted for an error message, cut at ``limit`` characters."""
    return shortened(repr(value), limit)


def shortened(text: str, limit: int = 200) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
