"""A log beside what matters: on a disk that is full or read-only its lines are lost, and nothing else."""

import io
import logging
import sys
from pathlib import Path


class LogFile(logging.FileHandler):
    """Appends each record at once.

    logging's own handler prints a traceback for each record that it cannot write, and raises the error once
    more when it is closed.

    ``problem``: why a record could not be written, the first time; ``lost``: how many could not.
    """

    def __init__(self, path: Path, layout: str) -> None:
        super().__init__(path, encoding="utf-8", errors="backslashreplace")
        self.setFormatter(logging.Formatter(layout))
        self.path = path
        self.problem: OSError | None = None
        self.lost = 0

    def _open(self) -> io.TextIOWrapper:
        """Without a buffer: what a failed write leaves in one fails again when the file is closed."""
        return io.TextIOWrapper(
            open(self.baseFilename, "ab", buffering=0),
            encoding=self.encoding,
            errors=self.errors,
            write_through=True,
        )

    def handleError(self, record: logging.LogRecord) -> None:  # logging's name
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
            return
        self.problem = self.problem or error
        self.lost += 1
