"""Errors of models whose cause is the user's choice."""

from platform.config.errors import UserError


class ModelError(UserError):
    """A network that cannot be built as asked, or weights that do not fit it."""
