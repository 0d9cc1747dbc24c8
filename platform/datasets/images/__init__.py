"""The decode cache: images decoded once, in threads or Ray tasks, within a memory limit."""
