"""Nights: sweeps that run on a schedule and say in the morning what changed."""
