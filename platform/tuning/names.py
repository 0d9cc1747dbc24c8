"""Dotted names of settings, and the names and numbers of trials, as MLflow and the tables show them."""

from collections.abc import Collection, Mapping
from typing import Any, Final

REPEATS: Final = 1_000_000
"""Numbers of repeats begin here, above any number that a search draws."""


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Settings by dotted name; list items by their position; an absent section is one name with null."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
            value = {str(place): item for place, item in enumerate(value)}
        flat.update(flatten(value, f"{name}.") if isinstance(value, Mapping) else {name: value})
    return flat


def named_settings(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by dotted name, and each section with a ``name`` or ``kind`` under the section's own name."""
    flat = flatten(tree)
    named = {
        path.rpartition(".")[0]: name for path, name in flat.items() if path.endswith((".name", ".kind"))
    }
    return named | flat


def is_below(name: str, searched: Collection[str]) -> bool:
    """Whether ``name`` is searched, or lies in a section that is searched as a whole."""
    return any(name == path or name.startswith(f"{path}.") for path in searched)


def trial_name(number: int) -> str:
    """A trial's name everywhere: its Optuna number, as 0007; its first repeat is 0007-seed-1."""
    nth, own = divmod(number, REPEATS)
    return f"{own:04d}-seed-{nth}" if nth else f"{own:04d}"


def repeat_number(number: int, nth: int) -> int:
    """The number of the ``nth`` repeat (from 1), with another seed, of the trial ``number``."""
    return nth * REPEATS + number


def confirms(number: int) -> str | None:
    """The name of the trial that this one repeats; None if the search drew it."""
    return trial_name(number % REPEATS) if number >= REPEATS else None


def constants_of(config: Mapping[str, Any], searched: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a trial that were not searched, by dotted name."""
    return {name: value for name, value in flatten(config).items() if not is_below(name, searched)}
