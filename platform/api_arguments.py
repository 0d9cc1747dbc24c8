"""What :mod:`platform.api` is given: settings as overrides, numbers and files that are checked."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from platform.config.errors import UserError

Settings = Mapping[str, Any] | Sequence[str]
"""Settings that replace those of the YAML: ``{"optim.lr": 0.1}`` or ``["optim.lr=0.1"]``; ranges, too."""


def overrides(settings: Settings) -> list[str]:
    """``key.path=value`` of each."""
    if isinstance(settings, str) or not isinstance(settings, Mapping | Sequence):
        raise UserError(f"settings: write a dict or a list of key.path=value, got {settings!r}")
    if isinstance(settings, Mapping):
        return [f"{key}={_as_yaml(str(key), value)}" for key, value in settings.items()]
    if wrong := [one for one in settings if not isinstance(one, str)]:
        raise UserError(f"settings: write a dict or a list of key.path=value, got {wrong[0]!r} in a list")
    return list(settings)


def _as_yaml(key: str, value: Any) -> str:
    """JSON, which is YAML; arrays and numbers of NumPy, pandas and torch as the plain values they hold."""

    def plain(part: Any) -> Any:
        if isinstance(part, Path):
            return str(part)
        if hasattr(part, "tolist"):
            return part.tolist()
        raise UserError(f"settings: {key}: a {type(part).__name__} cannot be written in YAML, got {part!r}")

    return json.dumps(value, ensure_ascii=False, default=plain)


def check_positive(**numbers: float | None) -> None:
    for name, number in numbers.items():
        if number is not None and not number > 0:
            raise UserError(f"{name}: must be above 0, got {number}")


def table_file(out: str | Path | None) -> Path | None:
    """The file of a table of predictions."""
    if out is not None and Path(out).suffix not in ("", ".csv"):
        raise UserError(f"out: the table is a CSV file: name one that ends in .csv, got {out}")
    return None if out is None else Path(out)
