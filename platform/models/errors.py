"""Errors of models whose cause is the user's choice."""

from platform.config.errors import UserError

FORWARD_ERRORS = (
    RuntimeError,
    AssertionError,
    ValueError,
    TypeError,
    IndexError,
    NotImplementedError,
    ZeroDivisionError,
)
"""What timm's networks raise where a size does not suit them."""


class ModelError(UserError):
    """A network that cannot be built as asked, or weights that do not fit it."""


def first_line(error: Exception) -> str:
    """What an error says, in one line; its type where it says nothing."""
    return str(error).partition("\n")[0] or type(error).__name__
