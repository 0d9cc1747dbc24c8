"""The error of every channel."""


class NotDelivered(Exception):
    """Why a notice did not get to its place, in one line, which may still hold a secret."""
