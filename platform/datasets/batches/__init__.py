"""Crop windows, test-time views and loaders: from rows of the manifest to a ``Batch``."""
