"""An append-only file of events, one JSON object a line, and the locks beside it.

A process that dies while it writes leaves half a line at the end: it is no event, and the next one cuts it
off.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from platform.storage.disk import written_to

LOG = "ledger.jsonl"
PATIENCE_S = 30.0


@dataclass(frozen=True)
class EventLog:
    """The log in ``folder``, which is made with the first event."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / LOG

    def append_line(self, line: str) -> None:
        """Add an event and see it on the disk; raises StorageError where it does not fit there."""
        with self.locked(), written_to(self.file):
            self.folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT, 0o644)
            with os.fdopen(descriptor, "r+b", buffering=0) as file:  # a buffer would be written again
                end = _end_of_whole_lines(file.readall())
                file.truncate(end)
                file.seek(end)
                try:
                    rest = memoryview(line.encode() + b"\n")
                    while rest:
                        rest = rest[file.write(rest) :]
                    os.fsync(file.fileno())
                except OSError:
                    file.truncate(end)
                    raise

    def lines(self) -> list[bytes]:
        """All events as they are written, the first one first; none where there is no file."""
        try:
            content = self.file.read_bytes()
        except FileNotFoundError:
            return []
        return content[: _end_of_whole_lines(content)].splitlines()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """For an instant: whoever reads and then writes holds it in between. It may be held twice."""
        with written_to(self.file):
            self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / "ledger.lock"
        lock = FileLock(file, timeout=PATIENCE_S, is_singleton=True, fallback_to_soft=False)
        with written_to(file):
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def alone(self, what: str, patience_s: float = 0.0) -> Iterator[bool]:
        """Whether this process alone does ``what`` now, on whatever machine; held to the context's end.

        Raises StorageError if the folder or the lock cannot be made.
        """
        with written_to(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"{what}.lock"
        lock = FileLock(file, timeout=patience_s, fallback_to_soft=False)
        with written_to(file):
            try:
                lock.acquire()
            except Timeout:
                is_alone = False
            else:
                is_alone = True
        try:
            yield is_alone
        finally:
            lock.release()


def _end_of_whole_lines(content: bytes) -> int:
    return content.rfind(b"\n") + 1
