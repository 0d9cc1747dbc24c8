"""Checkpoints evaluated again: kept predictions and features, soups, the test split scored once."""
