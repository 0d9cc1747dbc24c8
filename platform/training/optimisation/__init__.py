"""Optimisers, learning-rate schedules, EMA, precision and compilation."""
