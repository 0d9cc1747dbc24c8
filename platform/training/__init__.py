"""Trains one trial and evaluates it, whoever calls it; its own files are errors and seeding."""
