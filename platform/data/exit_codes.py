"""The exit codes of the data commands."""

DONE, BAD_USAGE, INTERRUPTED = 0, 2, 130
EXIT_CODES = {
    DONE: "done",
    BAD_USAGE: "a mistake in the command, the YAML or the data",
    INTERRUPTED: "interrupted",
}
