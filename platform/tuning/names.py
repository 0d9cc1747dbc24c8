"""Dotted names of a config's values, as MLflow and the tables show them."""

from collections.abc import Collection, Mapping
from typing import Any


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Sections as dotted names, those of a list by their place; an absent section is one name with null."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
            value = {str(place): item for place, item in enumerate(value)}
        flat.update(flatten(value, f"{name}.") if isinstance(value, Mapping) else {name: value})
    return flat


def is_below(name: str, searched: Collection[str]) -> bool:
    """Whether ``name`` is searched itself or lies in a section that is chosen as a whole."""
    return any(name == path or name.startswith(f"{path}.") for path in searched)
