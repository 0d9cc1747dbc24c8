"""Errors whose cause is the user's input."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


class UserError(Exception):
    """A mistake in what the user gave; ``str()`` is one line that says where and what would be right.

    The commands print it on stderr without a traceback and exit with code 2.
    """


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

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(lines))

    @classmethod
    def at(cls, mark: Mark, path: str, message: str) -> "ConfigError":
        return cls(located(mark, path, message))


def located(mark: Mark, path: str, message: str) -> str:
    return f"{mark}: {path}: {message}" if path else f"{mark}: {message}"


def did_you_mean(word: object, choices: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` for the nearest choice, or nothing where none is near."""
    near = get_close_matches(str(word), list(choices), n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def show(value: object, limit: int = 60) -> str:
    """A value as an error quotes it, cut at ``limit`` characters."""
    text = repr(value)
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
