"""A tick: decide what is due, run it, compare, promote, and record each step."""
