"""The error of a sweep that cannot go on."""


class SweepBroken(Exception):
    """Something outside the trials ended the sweep, described in one line; ``--resume`` goes on."""
