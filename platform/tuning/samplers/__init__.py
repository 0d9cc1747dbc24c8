"""Optuna samplers that are seeded by the trial's number, and the sampler ``curves``."""
