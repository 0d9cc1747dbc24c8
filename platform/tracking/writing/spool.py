"""A sweep's spool: a file with every call for MLflow, in order, and the number of calls delivered.

There are two files in ``runs/NAME/``. ``mlflow_spool.jsonl`` has one call per line and is only appended to,
so that it also records the sweep without MLflow. ``mlflow_spool.position`` has the number of the last call
that MLflow confirmed; it may lag behind, as delivering a call again changes nothing. An appended call
survives the death of the process at once, and a crash of the machine after ``sync``.
"""

import json
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from filelock import FileLock, Timeout

from platform.config.errors import shortened
from platform.tracking.environment import CodeVersion
from platform.tracking.records import DatasetRecord, SweepDescription
from platform.tracking.tracking_config import TrackingError
from platform.tracking.writing.calls import Call, Calls, Entry

_POSITION_WIDTH = 20


class SpoolTaken(TrackingError):
    """Another process delivers from this spool."""


class Spool:
    """A spool that this process has locked; ``append`` may be called while another thread delivers.

    Raises:
        SpoolTaken: another process still holds it after ``patience_s``.
        TrackingError: a line cannot be read as an entry.
    """

    def __init__(self, path: Path, *, patience_s: float = 0.0) -> None:
        self.path = path
        self._lock = FileLock(path.with_suffix(".lock"), timeout=patience_s)
        try:
            self._lock.acquire()
        except Timeout:
            raise SpoolTaken(f"{path}: another process delivers from it") from None
        try:
            self._open()
        except BaseException:
            self._lock.release()
            raise

    def _open(self) -> None:
        self._turn = threading.Lock()
        self._is_synced = True
        entries, self._size = _read(self.path)
        confirmed = read_position(self.path)
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.ftruncate(self._file, self._size)  # a last line cut off by the death of its process
        self._position = os.open(position_file(self.path), os.O_WRONLY | os.O_CREAT, 0o644)
        self._last = max(confirmed, entries[-1].n if entries else 0)
        self._pending = deque(entry for entry in entries if entry.n > confirmed)
        self.starts: Counter[str] = Counter(
            str(entry.arguments["trial_id"]) for entry in entries if entry.call == "start_trial"
        )
        """How often each trial had started when the spool was opened."""
        self.open_trials = _open_trials(entries)
        """Those that had started and not ended then."""
        self.space = _last_space(entries)
        """The text of the space that MLflow was told of last, and the trials that do not fit it, with why."""

    def append(self, call: Call, arguments: Mapping[str, object]) -> None:
        """Append a call; if the disk is full, the file stays as it was and TrackingError is raised."""
        with self._turn:
            entry = Entry(self._last + 1, int(time.time() * 1000), call, dict(arguments))
            line = json.dumps(asdict(entry), separators=(",", ":")).encode() + b"\n"
            try:
                written = 0
                while written < len(line):
                    written += os.write(self._file, line[written:])
            except OSError as error:
                os.ftruncate(self._file, self._size)
                raise _unwritable(self.path, error) from error
            self._last, self._size, self._is_synced = entry.n, self._size + len(line), False
            self._pending.append(entry)

    @property
    def waiting(self) -> int:
        """Number of calls that MLflow has not confirmed."""
        return len(self._pending)

    def first(self) -> Entry | None:
        """The next call to deliver."""
        return self._pending[0] if self._pending else None

    def confirm(self, entry: Entry) -> None:
        """Mark the first call as delivered, by one write of fixed width; TrackingError if it fails."""
        try:
            os.pwrite(self._position, f"{entry.n:0{_POSITION_WIDTH}d}\n".encode(), 0)
        except OSError as error:
            raise _unwritable(position_file(self.path), error) from error
        self._pending.popleft()

    def sync(self) -> None:
        """Sync the file to disk; this takes milliseconds, so it is not done for each call."""
        if not self._is_synced:
            self._is_synced = True
            os.fsync(self._file)

    def close(self) -> None:
        """Release the spool."""
        self.sync()
        os.close(self._file)
        os.close(self._position)
        self._lock.release()


def _unwritable(path: Path, error: OSError) -> TrackingError:
    """``error`` of an open file gets the file's name, by which a full disk is described."""
    error.filename = str(path)
    return TrackingError(f"{path}: cannot be written: {error.strerror}")


def read_entries(path: Path) -> list[Entry]:
    """Read all calls, delivered or not; raises TrackingError for a line that is not a call."""
    return _read(path)[0]


def read_position(path: Path) -> int:
    """The number of the last call that MLflow confirmed; 0 before the first."""
    file = position_file(path)
    text = file.read_text(encoding="ascii", errors="replace").strip() if file.exists() else ""
    if not text:
        return 0
    if not text.isdecimal():
        raise TrackingError(
            f"{file}: holds no number but {text[:20]!r}; remove it: what MLflow has already stays as it is"
        )
    return int(text)


def forget_position(path: Path) -> None:
    """Let all calls be delivered again, to another MLflow; raises SpoolTaken if a process delivers now."""
    spool = Spool(path)
    try:
        position_file(path).write_text("", encoding="ascii")
    finally:
        spool.close()


def described(entry: Entry) -> tuple[SweepDescription, CodeVersion]:
    """The description that ``log_sweep`` was called with."""
    given: dict[str, Any] = entry.arguments
    sweep = {**given["sweep"], "data": DatasetRecord(**given["sweep"]["data"])}
    return SweepDescription(**sweep), CodeVersion(**given["code"])


def position_file(path: Path) -> Path:
    return path.with_suffix(".position")


def _read(path: Path) -> tuple[list[Entry], int]:
    """Read the entries, and the size of the file without an incomplete last line."""
    text = path.read_bytes() if path.exists() else b""
    size = text.rfind(b"\n") + 1
    calls = Calls()
    for number, line in enumerate(text[:size].splitlines(), 1):
        try:
            calls.read(line)
        except ValueError as error:
            cause = shortened(str(error))
            raise TrackingError(
                f"{path}:{number}: is no call for MLflow ({cause}); remove the line"
            ) from None
    return calls.entries, size


def _open_trials(entries: Iterable[Entry]) -> set[str]:
    found: set[str] = set()
    for entry in entries:
        if entry.call == "start_trial":
            found.add(str(entry.arguments["trial_id"]))
        elif entry.call == "finish_trial":
            found.discard(str(entry.arguments["trial_id"]))
        elif entry.call == "change_space":
            found.difference_update(cast("list[str]", entry.arguments["unfinished"]))
        elif entry.call == "finish":
            found.clear()
    return found


def _last_space(entries: Iterable[Entry]) -> tuple[str, dict[str, str]]:
    space: tuple[str, dict[str, str]] = ("", {})
    for entry in entries:
        given: dict[str, Any] = entry.arguments
        if entry.call == "log_sweep":
            space = (given["sweep"]["space_yaml"], {})
        elif entry.call == "change_space":
            space = (given["space_yaml"], given["left_out"])
    return space
