"""Losses as pure functions, one paper a file: tensors in, per-sample loss ``[B]`` out."""
