"""What a value that is no value was meant to be: how its range or its section is written in YAML."""

import re
from collections.abc import Sequence
from typing import Any

from platform.config.errors import did_you_mean
from platform.config.ranges import RANGE_KINDS

NUMBER_TYPES = ("float_type", "float_parsing", "int_type", "int_parsing", "int_from_float")
SECTION_TYPES = ("model_type", "model_attributes_type", "dict_type")
GRAMMAR = (
    "a range is {uniform: [low, high]}, {loguniform: …}, {int: …}, {logint: …} or {choice: [one, other]}"
)
OTHER_NAMES = {
    "log_uniform": "loguniform",
    "lograndint": "logint",
    "randint": "int",
    "range": "uniform",
    "grid_search": "choice",
    "categorical": "choice",
    "values": "choice",
}
"""Names that Ray Tune, Optuna and others give to ranges."""
_CALL = re.compile(r"(?:\w+\.)*(\w+)\s*\(\s*\[?(.*?)\]?\s*\)")
_FROM_TO = re.compile(r"\s*([-+.\deE]+)\s*(?:\.\.|–|\bto\b|,)\s*([-+.\deE]+)\s*")


def hint(error_type: str, value: Any, inside: Sequence[str]) -> str:
    """``"; write …"`` where the value looks like a range or a section's name; else ``""``.

    Args:
        error_type: pydantic's type of the error.
        inside: The keys of the section that is expected, if one is.
    """
    if error_type in SECTION_TYPES and isinstance(value, str):
        key = next((name for name in ("name", "kind") if name in inside), None)
        return f"; write {{{key}: {value}}}" if key else ""
    if isinstance(value, dict) and len(value) == 1:
        return _mapping(error_type, *next(iter(value.items())))
    if error_type in NUMBER_TYPES and (meant := _meant(value, error_type)):
        return f"; write {meant}"
    seems_a_range = isinstance(value, list) or (isinstance(value, str) and "(" in value)
    return f"; {GRAMMAR}" if error_type in NUMBER_TYPES and seems_a_range else ""


def _mapping(error_type: str, key: str, body: Any) -> str:
    if key in OTHER_NAMES:
        items = ", ".join(map(str, body)) if isinstance(body, list) else str(body)
        return f"; write {{{_kind(key, error_type)}: [{items}]}}"
    near = did_you_mean(key, RANGE_KINDS)
    return near or (f"; {GRAMMAR}" if error_type in NUMBER_TYPES else "")


def _meant(value: Any, error_type: str) -> str | None:
    """The range that a text or a list stands for."""
    default = "int" if error_type.startswith("int") else "uniform"
    if isinstance(value, str) and (call := _CALL.fullmatch(value.strip())):
        kind = _kind(call[1], error_type)
        return f"{{{kind}: [{call[2]}]}}" if kind in RANGE_KINDS else None
    if isinstance(value, str) and (ends := _FROM_TO.fullmatch(value)):
        return f"{{{default}: [{ends[1]}, {ends[2]}]}}"
    if isinstance(value, list) and len(value) == 2:
        return f"{{{default}: [{value[0]}, {value[1]}]}} or {{choice: [{value[0]}, {value[1]}]}}"
    if isinstance(value, list) and len(value) > 2:
        return f"{{choice: [{', '.join(map(str, value))}]}}"
    return None


def _kind(name: str, error_type: str) -> str:
    kind = OTHER_NAMES.get(name.lower(), name.lower())
    return "int" if kind == "uniform" and error_type.startswith("int") else kind
