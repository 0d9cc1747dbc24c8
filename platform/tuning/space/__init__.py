"""Checks of a space before its first trial: constraints, start points, networks, goals."""
