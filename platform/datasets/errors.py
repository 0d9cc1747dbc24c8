"""The error of everything that is wrong with the user's images or labels."""

from collections.abc import Collection

from platform.config.errors import UserError


class DataError(UserError):
    """The data does not allow what the YAML asks; ``str()`` is one line that says what and where."""


def listed(names: Collection[object], limit: int = 5) -> str:
    """The first few of ``names`` and how many there are beyond them, for an error's line."""
    shown = ", ".join(str(name) for name in list(names)[:limit])
    return f"{shown} and {len(names) - limit:,} more" if len(names) > limit else shown


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """``1 image``, ``1,200 images``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
