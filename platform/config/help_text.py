"""What ``--help`` looks like, and how it ends: with the exit codes and an example."""

import argparse
import shlex
import textwrap
from collections.abc import Mapping

CODE = "  {code:<5}"
EXAMPLE = "    "


class HelpFormatter(argparse.HelpFormatter):
    """Wraps text as argparse does, but keeps the lines of :func:`help_end`."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        lines = []
        for line in text.splitlines():
            if line.startswith(EXAMPLE):
                lines += _folded(line.strip(), width)
            else:
                hanging = " " * len(CODE.format(code=0)) if line.startswith("  ") else ""
                lines += textwrap.wrap(line, width, subsequent_indent=hanging) or [""]
        return "\n".join(indent + line for line in lines)


def help_end(exit_codes: Mapping[int, str], *examples: str) -> str:
    """The end of a ``--help``: what the exit codes mean, then command lines that work as they are."""
    codes = [CODE.format(code=code) + words for code, words in exit_codes.items()]
    heading = "example:" if len(examples) == 1 else "examples:"
    return "\n".join(["exit codes:", *codes, "", heading, *(EXAMPLE + each for each in examples)])


def examples_in(epilog: str | None) -> list[str]:
    """The command lines of :func:`help_end`."""
    return [line.strip() for line in (epilog or "").splitlines() if line.startswith(EXAMPLE)]


def _folded(command: str, width: int) -> list[str]:
    """A command as lines that a shell reads as one, each within ``width`` if its words allow it."""
    lines = [EXAMPLE]
    for word in map(shlex.quote, shlex.split(command)):
        if len(lines[-1]) + len(word) + 2 > width and lines[-1].strip():
            lines[-1] += "\\"
            lines.append(2 * EXAMPLE)
        lines[-1] += word + " "
    return [line.rstrip() for line in lines]
