"""Readers of source layouts, one a file; ``data.reader`` names them by file."""
