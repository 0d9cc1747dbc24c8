"""A sweep's spool: every call for MLflow in a file beside the sweep, in order, and how many have arrived.

Two files in ``runs/NAME/``. ``mlflow_spool.jsonl`` has a call a line and is only ever appended to, so that it
is also the sweep's own record of itself, whatever becomes of MLflow. ``mlflow_spool.position`` has the number
of the last call that MLflow confirmed. It may lag behind: a call that is delivered again changes nothing.
What was appended survives the death of the process at once, that of the machine after ``sync``.
"""

import json
import os
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from filelock import FileLock, Timeout

from platform.tracking.environment import CodeVersion
from platform.tracking.records import DatasetRecord, SweepDescription
from platform.tracking.tracking_config import TrackingError

Call = Literal[
    "log_sweep", "change_space", "start_trial", "report", "finish_trial", "let_go", "reopen", "finish"
]

_POSITION_WIDTH = 20


@dataclass(frozen=True)
class Entry:
    """The ``n``-th call, from 1, of a method of the writer, at Unix time ``at_ms``."""

    n: int
    at_ms: int
    call: Call
    arguments: dict[str, object]


class SpoolTaken(TrackingError):
    """Another process delivers from this spool."""


class Spool:
    """One process's hold on a spool; ``append`` may be called while another thread delivers.

    Raises:
        SpoolTaken: another process holds it, after ``patience_s``.
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
        """Add a call; where the disk does not take it, the file is as it was, and TrackingError says so."""
        with self._turn:
            entry = Entry(self._last + 1, int(time.time() * 1000), call, dict(arguments))
            line = json.dumps(asdict(entry), separators=(",", ":")).encode() + b"\n"
            try:
                written = 0
                while written < len(line):
                    written += os.write(self._file, line[written:])
            except OSError as error:
                os.ftruncate(self._file, self._size)
                raise TrackingError(f"{self.path}: cannot be written: {error.strerror}") from error
            self._last, self._size, self._is_synced = entry.n, self._size + len(line), False
            self._pending.append(entry)

    @property
    def waiting(self) -> int:
        """How many calls MLflow has not confirmed."""
        return len(self._pending)

    def first(self) -> Entry | None:
        """The next call to deliver."""
        return self._pending[0] if self._pending else None

    def confirm(self, entry: Entry) -> None:
        """The first call has arrived. One write of a fixed width: it is there whole or not at all."""
        os.pwrite(self._position, f"{entry.n:0{_POSITION_WIDTH}d}\n".encode(), 0)
        self._pending.popleft()

    def sync(self) -> None:
        """Put what was appended onto the disk; takes milliseconds, so not for each call."""
        if not self._is_synced:
            self._is_synced = True
            os.fsync(self._file)

    def close(self) -> None:
        """Let the next process have it."""
        self.sync()
        os.close(self._file)
        os.close(self._position)
        self._lock.release()


def read_entries(path: Path) -> list[Entry]:
    """Every call so far, delivered or not; raises TrackingError for a line that is none."""
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


def described(entry: Entry) -> tuple[SweepDescription, CodeVersion]:
    """What ``log_sweep`` was called with."""
    given: dict[str, Any] = entry.arguments
    sweep = {**given["sweep"], "data": DatasetRecord(**given["sweep"]["data"])}
    return SweepDescription(**sweep), CodeVersion(**given["code"])


def position_file(path: Path) -> Path:
    return path.with_suffix(".position")


def _read(path: Path) -> tuple[list[Entry], int]:
    """The entries, and the file's size without a last line that was cut off."""
    text = path.read_bytes() if path.exists() else b""
    size = text.rfind(b"\n") + 1
    entries: list[Entry] = []
    for number, line in enumerate(text[:size].splitlines(), 1):
        try:
            entries.append(_entry(json.loads(line), after=entries[-1].n if entries else 0))
        except (ValueError, TypeError, KeyError) as error:
            raise TrackingError(
                f"{path}:{number}: is no call for MLflow ({error}); remove the line"
            ) from None
    return entries, size


def _entry(record: dict[str, object], *, after: int) -> Entry:
    n, at_ms, call, arguments = (record[name] for name in ("n", "at_ms", "call", "arguments"))
    if not isinstance(n, int) or not isinstance(at_ms, int) or not isinstance(arguments, dict):
        raise TypeError("n and at_ms must be numbers, arguments a mapping")
    if call not in get_args(Call):
        raise ValueError(f"there is no call {call!r}")
    if n <= after:
        raise ValueError(f"number {n} comes after {after}")
    return Entry(n, at_ms, cast(Call, call), arguments)


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
