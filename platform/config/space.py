"""A search space: a tree of settings, some of them ranges, and its samples, parameters and corners."""

import math
import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from platform.config.document import TreePath, dotted
from platform.config.ranges import Choice, NumberRange, Range

Suggest = Callable[[str, Range], Any]
"""``(name, range) -> value``: a number in the range, or one of a choice's labels."""

MAX_CORNERS = 1024


@dataclass(frozen=True)
class Parameter:
    """One searched parameter. Inside an option of a choice, its name contains the option,
    ``method[peer].drop_rate``, and it is active only if the option is chosen."""

    name: str
    path: str
    range: Range
    condition: str


@dataclass
class Resolved:
    """A tree without ranges, and for each of its paths the path in the YAML that the value comes from.

    ``parameters``: the suggested numbers and labels, by dotted path.
    """

    tree: Any = None
    origins: dict[TreePath, TreePath] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)

    def origin(self, path: TreePath) -> TreePath:
        """The path in the YAML of ``path``, or of its nearest parent that is written there."""
        rest: TreePath = ()
        while path not in self.origins and path:
            path, rest = path[:-1], (path[-1], *rest)
        return (*self.origins.get(path, ()), *rest)


@dataclass(frozen=True)
class Space:
    """``tree`` consists of plain values, lists, mappings and :data:`Range` leaves."""

    tree: dict[str, Any]

    def resolve(self, suggest: Suggest) -> Resolved:
        """Ask ``suggest`` for a value of each range; ranges in an option only if the option is chosen."""
        resolved = Resolved()
        resolved.tree = _walk(self.tree, _Place(), suggest, resolved)
        return resolved

    def parameters(self) -> list[Parameter]:
        return list(_parameters(self.tree, _Place(), ""))

    def points(self) -> float:
        """The number of different samples; infinite if a range is continuous."""
        return _points(self.tree)

    def corners(self) -> Iterator[Resolved]:
        """Every combination of ends and options. If these are more than 1,024: the first 1,024 and as many
        others in which each end and each option occurs many times; the same ones in every call."""
        picks: list[int] = []
        for _ in range(MAX_CORNERS):
            odometer = _Odometer(picks)
            yield self.resolve(odometer.suggest)
            next_picks = odometer.advanced()
            if next_picks is None:
                return
            picks = next_picks
        balanced = _Balanced()
        for _ in range(MAX_CORNERS):
            yield self.resolve(balanced.suggest)


@dataclass(frozen=True)
class _Place:
    name: str = ""
    path: TreePath = ()
    written: TreePath = ()

    def child(self, key: str | int) -> "_Place":
        name = f"{self.name}.{key}" if self.name else str(key)
        return _Place(name, (*self.path, key), (*self.written, key))

    def option(self, choice: Choice, index: int) -> "_Place":
        return _Place(f"{self.name}[{choice.labels[index]}]", self.path, (*self.written, "choice", index))


def _children(node: Any) -> list[tuple[str | int, Any]] | None:
    if isinstance(node, dict):
        return list(node.items())
    return list(enumerate(node)) if isinstance(node, list) else None


def _walk(node: Any, place: _Place, suggest: Suggest, resolved: Resolved) -> Any:
    resolved.origins[place.path] = place.written
    children = _children(node)
    if children is not None:
        values = [(key, _walk(child, place.child(key), suggest, resolved)) for key, child in children]
        return dict(values) if isinstance(node, dict) else [value for _, value in values]
    if isinstance(node, NumberRange):
        value = resolved.parameters[dotted(place.path)] = suggest(place.name, node)
        if value in (node.low, node.high):
            resolved.origins[place.path] = (*place.written, node.kind, int(value == node.high))
        return value
    if isinstance(node, Choice):
        label = resolved.parameters[dotted(place.path)] = suggest(place.name, node)
        index = [repr(known) for known in node.labels].index(repr(label))
        return _walk(node.options[index], place.option(node, index), suggest, resolved)
    return node


def _parameters(node: Any, place: _Place, condition: str) -> Iterator[Parameter]:
    for key, child in _children(node) or []:
        yield from _parameters(child, place.child(key), condition)
    if isinstance(node, NumberRange | Choice):
        yield Parameter(place.name, dotted(place.path), node, condition)
    if isinstance(node, Choice):
        for index, option in enumerate(node.options):
            chosen = f"{dotted(place.path)} = {node.labels[index]}"
            inner = f"{condition}, {chosen}" if condition else chosen
            yield from _parameters(option, place.option(node, index), inner)


def _points(node: Any) -> float:
    if isinstance(node, NumberRange):
        return int(node.high - node.low) + 1 if node.is_int else math.inf
    if isinstance(node, Choice):
        return sum(_points(option) for option in node.options)
    return math.prod(_points(child) for _, child in _children(node) or [])


def _ends(range_: Range) -> Sequence[Any]:
    return range_.labels if isinstance(range_, Choice) else (range_.low, range_.high)


class _Odometer:
    """Follows given picks, then takes first ends; advances the last pick that can be increased."""

    def __init__(self, picks: list[int]) -> None:
        self.picks = list(picks)
        self.sizes: list[int] = []

    def suggest(self, name: str, range_: Range) -> Any:
        place = len(self.sizes)
        if place == len(self.picks):
            self.picks.append(0)
        ends = _ends(range_)
        self.sizes.append(len(ends))
        return ends[self.picks[place]]

    def advanced(self) -> list[int] | None:
        picks = self.picks
        while picks and picks[-1] == self.sizes[len(picks) - 1] - 1:
            picks = picks[:-1]
        return [*picks[:-1], picks[-1] + 1] if picks else None


class _Balanced:
    """Picks the end or option that was picked least so far; breaks ties with a seeded draw."""

    def __init__(self) -> None:
        self.random = random.Random(0)
        self.seen: dict[str, Counter[int]] = {}

    def suggest(self, name: str, range_: Range) -> Any:
        ends = _ends(range_)
        seen = self.seen.setdefault(name, Counter())
        least = min(seen[index] for index in range(len(ends)))
        index = self.random.choice([index for index in range(len(ends)) if seen[index] == least])
        seen[index] += 1
        return ends[index]
