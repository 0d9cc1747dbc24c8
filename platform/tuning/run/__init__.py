"""The driver of a sweep: plan it, open its records, build the Tuner, run it."""
