"""Commands that the README and the docs show with their output, and whether that is what they print.

An example is a fenced block ``console``: a line ``$ COMMAND``, then what it prints. There ``…`` stands for
anything within a line, and for any number of lines where it is a line by itself.
"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PROMPT = "$ "
ANYTHING = "…"
NUMBER = re.compile(r"\d[\d.,]*\d|\d")
RANKED = re.compile(r"(?P<heading>\s*#\s+trial\b.*?\boutcome)\b|\s*\d+\s+\d{4}\s")
"""A ranking's heading, of which what follows are searched parameters, or one of its rows."""
IN_BRACKETS = re.compile(r" \([^)]*\)")


@dataclass(frozen=True)
class Example:
    """``page``: where it stands; ``words``: the command, which begins with the Python of ``.venv``."""

    page: str
    words: tuple[str, ...]
    output: tuple[str, ...]

    @property
    def module(self) -> str:
        """``platform.search`` of ``.venv/bin/python -m platform.search …``."""
        assert self.words[:2] == (".venv/bin/python", "-m"), f"{self.page}: {shlex.join(self.words)}"
        return self.words[2]

    @property
    def arguments(self) -> tuple[str, ...]:
        return self.words[3:]

    def __str__(self) -> str:
        return " ".join((self.module, *self.arguments))


def examples(page: Path) -> Iterator[Example]:
    """The examples of a page, in order."""
    for block in BLOCK.findall(page.read_text(encoding="utf-8")):
        lines = block.splitlines()
        starts = [place for place, line in enumerate(lines) if line.startswith(PROMPT)]
        assert starts[:1] == [0], f"{page.name}: a block of output begins with {PROMPT!r}"
        for start, end in pairwise([*starts, len(lines)]):
            words = shlex.split(lines[start].removeprefix(PROMPT), comments=True)
            output = [line.rstrip() for line in lines[start + 1 : end]]
            yield Example(page.name, tuple(words), tuple(output))


def as_printed(text: str) -> list[str]:
    """The lines of what a command printed, without empty ones at the end."""
    lines = [line.rstrip() for line in text.splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def is_shown(shown: tuple[str, ...], printed: list[str]) -> bool:
    """Whether the lines are those printed, but for ``…``."""
    return (
        re.fullmatch("".join(_pattern(line) for line in shown), "".join(f"{one}\n" for one in printed))
        is not None
    )


def frames(lines: list[str] | tuple[str, ...]) -> list[str]:
    """The lines without what another sweep has otherwise: numbers, brackets, rows of the ranking."""
    found = []
    for line in lines:
        ranked = RANKED.match(line)
        if ranked is not None and ranked["heading"] is None:
            continue
        line = ranked["heading"] if ranked is not None else line
        line = NUMBER.sub("0", IN_BRACKETS.sub("", line))
        found.append(" ".join(line.replace("pruned", "finished").split()))
    return found


def _pattern(line: str) -> str:
    if line == ANYTHING:
        return r"(?:.*\n)*?"
    return ".*".join(re.escape(part) for part in line.split(ANYTHING)) + r"\n"
