"""Docstrings and descriptions as Markdown."""

import re
from collections.abc import Iterable, Sequence

CODE = re.compile(
    r"`[^`]+`"
    r"|\{[^{}]*\}"
    r"|(?<![\w/.])(?:val|train|test|time|model|system|noise)/(?:[a-z]\w*|…)"
    r"|(?<![\w/.])(?:data|search|optim|report|schedule|resources|storage|tracking)\.[a-z]\w*(?:\.[a-z]\w*)*(?:=[A-Z]\w*)?"
    r"|(?<![\w/.-])--[a-z][a-z-]*"
    r"|(?<![\w/.$])\$?[A-Za-z]\w*_\w*"
)
"""What is set as code: quoted already, mappings, metrics, settings, options, names with an underscore."""
ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`")


def prose(text: str) -> str:
    """Plain text as Markdown, its names in code quotes, and nothing in it taken for markup."""
    found, end = [], 0
    for match in CODE.finditer(text):
        found += [_escaped(text[end : match.start()]), f"`{match[0].strip('`')}`"]
        end = match.end()
    return "".join([*found, _escaped(text[end:])])


def sentence(text: str) -> str:
    """A description as a sentence: a capital first letter, unless it begins with code, and a full stop."""
    text = text.strip()
    first = re.match(r"\w+", text)
    starts_with_code = first is None or "_" in first[0] or text[len(first[0]) : len(first[0]) + 1] in "/."
    words = text if starts_with_code else text[0].upper() + text[1:]
    return prose(words) + ("" if words.endswith((".", "?", "!")) else ".")


def docstring(text: str) -> str:
    """A docstring as Markdown: its roles and double quotes become code quotes."""
    return "\n\n".join(
        prose(" ".join(ROLE.sub(r"`\1`", part).replace("``", "`").split())) for part in text.split("\n\n")
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _escaped(text: str) -> str:
    return re.sub(r"([*<\[\]])", r"\\\1", text)
