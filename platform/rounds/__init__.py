"""Rounds: train, audit with what was learnt, clean and pseudo-label, train again, until nothing is gained."""
