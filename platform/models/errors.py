"""Errors of models that the user's settings cause."""

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
"""What timm's networks raise for unsuitable image sizes."""


class ModelError(UserError):
    """A network cannot be built as configured, or weights do not fit it."""


def first_line(error: Exception) -> str:
    """The first line of an error's message; its type if there is none."""
    return str(error).partition("\n")[0] or type(error).__name__
