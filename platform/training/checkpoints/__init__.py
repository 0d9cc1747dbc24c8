"""Reads checkpoints without a trainer: descriptions, networks, initial weights, averaged weights."""
