"""Heads on a backbone: embedding, projections, intermediate features."""
