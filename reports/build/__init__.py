"""Builds a report: evaluate the finalists, choose an ensemble, write page and winner."""
