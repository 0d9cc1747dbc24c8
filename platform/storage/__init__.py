"""Local and remote folders, whole-file writes, and what happens when a disk is full."""
