"""Ranges and choices, which may replace any value of a YAML.

``{uniform: [a, b]}``, ``{loguniform: [a, b]}``, ``{int: [a, b]}``, ``{logint: [a, b]}`` (both ends
included) and ``{choice: [option, …]}``, whose options are values, lists or sections, which may contain
ranges too.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from platform.config.document import Document, TreePath, dotted
from platform.config.errors import ConfigError, show
from platform.config.yaml_limits import MAX_OPTIONS

NUMBER_RANGES = ("uniform", "loguniform", "int", "logint")
RANGE_KINDS = (*NUMBER_RANGES, "choice")
DRAWS = {
    "{uniform: [a, b]}": "a number between a and b",
    "{loguniform: [a, b]}": "a number between a and b, its logarithm uniformly",
    "{int: [a, b]}": "a whole number from a to b, both included",
    "{logint: [a, b]}": "a whole number from a to b, its logarithm uniformly",
    "{choice: [x, y, z]}": "one of the options: values, lists, or sections, which may hold ranges, too",
}
"""How each range is written, and what it draws; for the docs."""


@dataclass(frozen=True)
class NumberRange:
    """A closed interval; ``kind`` is its key in YAML."""

    kind: str
    low: float
    high: float

    @property
    def is_log(self) -> bool:
        return self.kind.startswith("log")

    @property
    def is_int(self) -> bool:
        return self.kind.endswith("int")

    def __str__(self) -> str:
        return f"{self.kind} [{self.low:g}, {self.high:g}]"


@dataclass(frozen=True)
class Choice:
    """One of several options; ``labels``, one for each option, are what a sampler and MLflow see."""

    options: tuple[Any, ...]
    labels: tuple[Any, ...]

    def __str__(self) -> str:
        return "choice [" + ", ".join("null" if label is None else str(label) for label in self.labels) + "]"


Range = NumberRange | Choice


def parse_ranges(tree: Any, document: Document, path: TreePath = ()) -> Any:
    """Replace the mapping of every range in the tree by a :data:`Range`.

    Raises :class:`ConfigError` for a range that is empty, has ends of the wrong type, or has other keys
    beside it.
    """
    if isinstance(tree, list):
        return [parse_ranges(item, document, (*path, index)) for index, item in enumerate(tree)]
    if not isinstance(tree, dict):
        return tree
    kinds = [key for key in tree if key in RANGE_KINDS]
    if not kinds:
        return {key: parse_ranges(item, document, (*path, key)) for key, item in tree.items()}
    kind = kinds[0]
    if len(tree) > 1:
        others = ", ".join(key for key in tree if key != kind)
        raise _error(document, path, f"a range stands alone: {{{kind}: […]}}, but here are also {others}")
    body = tree[kind]
    return _choice(body, document, path) if kind == "choice" else _number_range(kind, body, document, path)


def _error(document: Document, path: TreePath, message: str) -> ConfigError:
    return ConfigError.at(document.mark(path), dotted(path), message)


def _number_range(kind: str, body: Any, document: Document, path: TreePath) -> NumberRange:
    numbers = int if kind.endswith("int") else (int, float)
    word = "whole numbers" if kind.endswith("int") else "numbers"
    is_pair = isinstance(body, list) and len(body) == 2
    if not is_pair or not all(isinstance(end, numbers) and not isinstance(end, bool) for end in body):
        raise _error(document, path, f"{kind} takes two {word} [low, high], got {show(body)}")
    low, high = body
    if not low < high:
        raise _error(document, path, f"empty range: low must be below high, got {show(body)}")
    if kind.startswith("log") and low <= 0:
        raise _error(document, path, f"{kind} needs a low end > 0, got {show(body)}")
    # A continuous range draws floats, its ends too: none of them fits a whole-number setting.
    return (
        NumberRange(kind, low, high) if kind.endswith("int") else NumberRange(kind, float(low), float(high))
    )


def _choice(body: Any, document: Document, path: TreePath) -> Choice:
    if not isinstance(body, list) or not body:
        raise _error(document, path, f"empty range: choice takes a list of options, got {show(body)}")
    if len(body) > MAX_OPTIONS:
        raise _error(document, path, f"a choice of {len(body):,} options; {MAX_OPTIONS:,} are the most")
    options = tuple(parse_ranges(item, document, (*path, "choice", index)) for index, item in enumerate(body))
    labels = _labels(options)
    # As text, as Optuna's storages compare categories: 1, 1.0 and True are equal in Python.
    counts = Counter(repr(label) for label in labels)
    twice = next((label for label, count in counts.items() if count > 1), None)
    if twice is not None:
        raise _error(document, path, f"choice has the option {twice} twice")
    return Choice(options, labels)


def _labels(options: tuple[Any, ...]) -> tuple[Any, ...]:
    """Scalars are their own labels; sections and lists get a short text that tells them apart."""
    shorts = [_short(option) for option in options]
    counts = Counter(str(short) for short in shorts)
    return tuple(
        f"option {index}" if isinstance(option, dict | list) and counts[str(short)] > 1 else short
        for index, (option, short) in enumerate(zip(options, shorts, strict=True))
    )


def _short(option: Any) -> Any:
    """A section's name, or its settings; a list's items."""
    if isinstance(option, dict):
        name = option.get("name", option.get("kind"))
        if isinstance(name, str):
            return name
        return ", ".join(f"{key} {_short(value)}" for key, value in option.items())
    if isinstance(option, list):
        return "[" + ", ".join(str(_short(item)) for item in option) + "]"
    return str(option) if isinstance(option, NumberRange | Choice) else option
