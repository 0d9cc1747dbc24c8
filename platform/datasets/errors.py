"""The error for a user's images and labels, and how to count and list things in its message."""

from collections.abc import Collection

from platform.config.errors import UserError, one_line, shortened


class DataError(UserError):
    """The data cannot be used as the YAML asks; ``str()`` is one line that says what is wrong and where."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


def listed(names: Collection[object], limit: int = 5) -> str:
    """The first ``limit`` names and the number of the others: ``a, b and 3 more``."""
    shown = ", ".join(shortened(str(name)) for name in list(names)[:limit])
    return f"{shown} and {len(names) - limit:,} more" if len(names) > limit else shown


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """``1 image``, ``1,200 images``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
