"""One trial in its process: trainables, kept checkpoints, how it ended and why."""
