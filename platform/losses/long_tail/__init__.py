"""Losses and class weights for long tails, and losses with a margin, one paper a file."""
