"""What may stand where a value stands: ranges and choices.

``{uniform: [a, b]}``, ``{loguniform: [a, b]}``, ``{int: [a, b]}``, ``{logint: [a, b]}`` (both ends
included) and ``{choice: [option, …]}``, whose options are values, lists or sections with ranges of
their own.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from platform.config.document import Document, TreePath, dotted
from platform.config.errors import ConfigError, show

NUMBER_RANGES = ("uniform", "loguniform", "int", "logint")
RANGE_KINDS = (*NUMBER_RANGES, "choice")


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
    """One of several options; ``labels`` are what a sampler and MLflow see, one an option."""

    options: tuple[Any, ...]
    labels: tuple[Any, ...]

    def __str__(self) -> str:
        return "choice [" + ", ".join("null" if label is None else str(label) for label in self.labels) + "]"


Range = NumberRange | Choice


def parse_ranges(tree: Any, document: Document, path: TreePath = ()) -> Any:
    """The tree with every range's mapping replaced by a :data:`Range`.

    Raises :class:`ConfigError` for a range that is empty, has ends of the wrong type, or stands beside
    other keys.
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
    # A number drawn from a continuous range is a float, its ends too: none of them is a whole-number setting.
    return (
        NumberRange(kind, low, high) if kind.endswith("int") else NumberRange(kind, float(low), float(high))
    )


def _choice(body: Any, document: Document, path: TreePath) -> Choice:
    if not isinstance(body, list) or not body:
        raise _error(document, path, f"empty range: choice takes a list of options, got {show(body)}")
    options = tuple(parse_ranges(item, document, (*path, "choice", index)) for index, item in enumerate(body))
    labels = _labels(options)
    # As text: Optuna's storages compare categories so, and 1, 1.0 and True are equal to Python.
    counts = Counter(repr(label) for label in labels)
    twice = next((label for label, count in counts.items() if count > 1), None)
    if twice is not None:
        raise _error(document, path, f"choice has the option {twice} twice")
    return Choice(options, labels)


def _labels(options: tuple[Any, ...]) -> tuple[Any, ...]:
    """Scalars stand for themselves; sections and lists for what is short and tells them apart."""
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
