"""Predictions and their metrics, of classification and of retrieval."""
