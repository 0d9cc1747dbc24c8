"""The differences between a sweep's space and the changed space of ``--resume``, and which are refused.

Settings are compared, not text: a default that is written out, or options in another order, change nothing.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from platform.config.document import TreePath, dotted
from platform.config.errors import ConfigError, located
from platform.config.load import LoadedSpace
from platform.config.ranges import Choice, Range
from platform.config.space import Resolved
from platform.datasets.image_size import covering
from platform.datasets.preparation.prepare import kept_size
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig

REFUSED = {
    "name": "it names the sweep's folder, its study and its MLflow runs",
    "experiment": "the sweep's runs lie in the experiment that it was started in",
    "data": "trials on other data or labels cannot be compared",
    "search.metric": "the checkpoints that were kept are the best by this",
    "search.mode": "the checkpoints that were kept are the best by this",
    "search.storage": "the study lies there",
    "storage.path": "the trials' checkpoints lie there",
    "tracking.uri": "the sweep's MLflow runs lie there",
    "tracking.tags": "the sweep's MLflow runs have them",
}
"""Settings that a sweep cannot change, and why; all others of SWEEP_FIELDS may change."""

MOVABLE = "data.source"
"""The one setting below those that may change: the same images may lie elsewhere, as their digest proves."""

MEANS = {
    "search.sampler": "for trials drawn from now on",
    "search.scheduler": "for epochs from now on: stopped trials stay stopped",
    "search.start_with": "points that were not tried yet come next",
    MOVABLE: "if the images are the same",
}

HOW = "start a new sweep, which may begin with this sweep's best trials"


@dataclass(frozen=True)
class Change:
    """A setting or a range before and now; ``name``: its dotted name, for a range as in the study."""

    name: str
    before: Any
    now: Any

    def __str__(self) -> str:
        means = next((f", {words}" for key, words in MEANS.items() if _is_at_or_below(self.name, key)), "")
        return f"{self.name}: {_shown(self.before)} → {_shown(self.now)}{means}"


@dataclass
class _Constant:
    """A setting that is not searched; ``written``: its place in the YAML, or its nearest parent's."""

    value: Any
    written: TreePath
    names: list[str]
    varies: bool = False


@dataclass
class _Facts:
    """A space's ranges and constants by name; the name of a setting below a choice contains the option.

    ``names``: for each range the names of its sections, then its own; ``known``: all such names.
    """

    ranges: dict[str, Range]
    names: dict[str, list[str]] = field(default_factory=dict)
    constants: dict[str, _Constant] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)
    example: dict[str, Any] = field(default_factory=dict)


def changes_between(old: LoadedSpace[SweepConfig], new: LoadedSpace[SweepConfig], sweep: str) -> list[Change]:
    """The changes from ``old`` to ``new``; raises ConfigError with one line per change that is refused."""
    found = list(_sweep_changes(old.first(), new.first()))
    lines = []
    for change in found:
        reason = next((why for key, why in REFUSED.items() if _is_at_or_below(change.name, key)), None)
        if reason and change.name != MOVABLE:
            words = f"was {_shown(change.before)} and is {_shown(change.now)}: {reason}; {HOW}"
            lines.append(located(_mark(new, change.name), change.name, words))
    if repr(_trial_settings(old)) != repr(_trial_settings(new)):
        before, now = _facts(old), _facts(new)
        lines += [*_changed_constants(before, now, new, sweep)] or [*_other_images(old, new)]
        found += _changed_ranges(before, now)
    if lines:
        raise ConfigError(*lines)
    return found


def has_other_ranges(old: LoadedSpace[SweepConfig], new: LoadedSpace[SweepConfig]) -> bool:
    """Whether the two spaces have different parameters, or different ranges for one."""
    pairs = [[(one.name, repr(one.range)) for one in each.space.parameters()] for each in (old, new)]
    return pairs[0] != pairs[1]


def _trial_settings(loaded: LoadedSpace[SweepConfig]) -> dict[str, Any]:
    return {key: node for key, node in loaded.space.tree.items() if key not in SWEEP_FIELDS}


def _sweep_changes(old: SweepConfig, new: SweepConfig) -> Iterator[Change]:
    before, now = (config.model_dump(mode="json", include=set(SWEEP_FIELDS)) for config in (old, new))
    if old.search.goals == new.search.goals:  # the same, written differently
        before["search"] |= {name: now["search"][name] for name in ("metric", "mode")}
    return _differences(before, now, "")


def _differences(before: Any, now: Any, path: str) -> Iterator[Change]:
    """The differences of two trees; a section of another ``name`` or ``kind`` is one difference."""
    if not isinstance(before, dict) or not isinstance(now, dict) or _kind(before) != _kind(now):
        if repr(before) != repr(now):
            yield Change(path, before, now)
        return
    for key in dict.fromkeys([*before, *now]):
        yield from _differences(before.get(key), now.get(key), f"{path}.{key}" if path else str(key))


def _kind(section: Mapping[str, Any]) -> Any:
    return section.get("name", section.get("kind"))


def _facts(loaded: LoadedSpace[SweepConfig]) -> _Facts:
    parameters = loaded.space.parameters()
    facts = _Facts({one.name: one.range for one in parameters})
    choices = {one.path for one in parameters if isinstance(one.range, Choice)}
    for corner in loaded.space.corners():
        _look_at(corner, loaded, choices, facts)
    return facts


def _look_at(corner: Resolved, loaded: LoadedSpace[SweepConfig], choices: set[str], facts: _Facts) -> None:
    labels = {path: label for path, label in corner.parameters.items() if path in choices}
    settings = loaded.validate(corner).model_dump(mode="json", include=set(TrialConfig.model_fields))
    facts.example = facts.example or settings
    for path in corner.origins:
        if dotted(path) in corner.parameters:
            names = _names(path, labels)
            facts.names[names[-1]] = names
            facts.known.update(names)
    for path, value in _leaves(settings, ()):
        if dotted(path) in corner.parameters:
            continue
        names = _names(path, labels)
        facts.known.update(names)
        one = facts.constants.setdefault(names[-1], _Constant(value, corner.origin(path), names))
        one.varies = one.varies or repr(one.value) != repr(value)


def _names(path: TreePath, labels: Mapping[str, Any]) -> list[str]:
    """The names of the sections that contain ``path``, with the chosen options, then its own name."""
    name, names = "", []
    for depth, part in enumerate(path, start=1):
        name = f"{name}.{part}" if name else str(part)
        names.append(name)
        where = dotted(path[:depth])
        if where in labels and depth < len(path):
            name = f"{name}[{labels[where]}]"
            names.append(name)
    return names


def _leaves(node: Any, path: TreePath) -> Iterator[tuple[TreePath, Any]]:
    is_sections = isinstance(node, list) and node and all(isinstance(item, dict) for item in node)
    children = node.items() if isinstance(node, dict) else enumerate(node) if is_sections else None
    if children is None:
        yield path, node
        return
    for key, child in children:
        yield from _leaves(child, (*path, key))


def _comes_with_another(names: list[str], other: _Facts) -> bool:
    """Whether the other space lacks the option that contains it, or searches a setting that is fixed here."""
    for name, below in pairwise([*names, ""]):
        if below.startswith(f"{name}["):
            if below not in other.known:
                return True
        elif name in other.ranges:
            return True
    return False


def _changed_constants(
    before: _Facts, now: _Facts, new: LoadedSpace[SweepConfig], sweep: str
) -> Iterator[str]:
    """A line for each setting that has another value; one line for a section that is another one."""
    lines: dict[str, str] = {}
    for name in sorted(before.constants.keys() | now.constants.keys(), key=_importance):
        old, one = before.constants.get(name), now.constants.get(name)
        known = old or one
        assert known is not None
        if (
            (old and old.varies)
            or (one and one.varies)
            or (old and one and repr(old.value) == repr(one.value))
        ):
            continue
        if _comes_with_another(known.names, before if one and not old else now):
            continue
        path = name.removesuffix(".name").removesuffix(".kind")
        if any(_is_at_or_below(path, shorter) for shorter in lines):
            continue
        was, is_ = (_at(facts.example, path, of) for facts, of in ((before, old), (now, one)))
        mark = new.document.mark((one or known).written)
        lines[path] = located(
            mark,
            path,
            f"was {_shown(was)} in every trial and is {_shown(is_)}: trials with different values cannot be "
            f"compared; {HOW}: search.start_with: [{{from: {sweep}}}]",
        )
    yield from lines.values()


def _importance(name: str) -> tuple[int, bool, str]:
    """Sort key: sections before their content, and ``name`` or ``kind`` before other settings."""
    depth = name.count(".")
    is_kind = name.endswith((".name", ".kind"))
    return depth - is_kind, not is_kind, name


def _other_images(old: LoadedSpace[SweepConfig], new: LoadedSpace[SweepConfig]) -> Iterator[str]:
    """Images are kept as large as the largest trial needs, and all trials must train on the same ones."""
    sizes = [covering(corner.largest_image for corner in each.corners()) for each in (old, new)]
    before, now = (kept_size(old.first().data, size) for size in sizes)
    if before != now:
        was, is_ = (size.as_written() for size in sizes)
        words = f"the largest was {was} and is {is_}: images are kept in this size, which would change; {HOW}"
        yield located(_mark(new, "image_size"), "image_size", words)


def _changed_ranges(before: _Facts, now: _Facts) -> Iterator[Change]:
    for name in dict.fromkeys([*before.ranges, *now.ranges]):
        old, one = before.ranges.get(name), now.ranges.get(name)
        if old is not None and one is not None:
            if _options(old) != _options(one):
                yield Change(name, old, one)
            continue
        facts, other = (before, now) if one is None else (now, before)
        sections = facts.names[name]
        if _comes_with_another(sections[:-1], other):
            continue
        there = _at(other.example, name, other.constants.get(name))
        yield Change(name, old, there) if one is None else Change(name, there, one)


def _options(range_: Range) -> Any:
    return {repr(label) for label in range_.labels} if isinstance(range_, Choice) else range_


def _at(tree: Any, name: str, constant: _Constant | None) -> Any:
    """The value at a name: a constant's, else the section."""
    if constant is not None and not constant.names[-1].endswith((".name", ".kind")):
        return constant.value
    for part in name.split("."):
        tree = tree.get(part) if isinstance(tree, dict) else None
    return constant.value if tree is None and constant is not None else tree


def _mark(loaded: LoadedSpace[SweepConfig], name: str) -> Any:
    return loaded.document.mark(tuple(name.split(".")))


def _is_at_or_below(name: str, section: str) -> bool:
    return name == section or name.startswith((f"{section}.", f"{section}["))


def _shown(value: Any) -> str:
    """The value for a message: a range or a choice as tables show it, a section by its name."""
    if isinstance(value, dict) and isinstance(_kind(value), str):
        return str(_kind(value))
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False)
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
