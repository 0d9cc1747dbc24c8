"""The one process that runs a sweep: how it locks the sweep's folder, and how ``--stop`` reaches it.

It locks runs/NAME/process.lock with filelock (``flock``), which the system undoes however the process ends,
and describes itself in process.json by pid and start time. ``--stop`` never signals a process that got the
same pid later, nor any other that a forged process.json names: only one that has the lock's file open.
"""

import fcntl
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from platform.config.errors import UserError
from platform.storage.whole_files import read_record, write_whole
from platform.tuning.folder.received import check_folder
from platform.tuning.folder.sweep_folder import SweepFolder

_PATIENCE_S = 1.0  # running() holds the lock for an instant
_SAME_START_S = 2.0  # a recycled pid is far younger


@dataclass(frozen=True)
class SweepProcess:
    """A process that runs a sweep, or did; times in seconds since 1970.

    ``process_start``: when the process started; ``began``: when it began to run the sweep; ``trials``,
    ``epochs``: what the sweep has at most; ``attempt``: 1 for the process that began the sweep, and one more
    for each that went on with it; ``ended``: when the process had made the report, its last work.
    """

    pid: int
    host: str
    process_start: float
    began: float
    trials: int
    epochs: int
    epochs_a_trial: int
    attempt: int = 1
    ended: float | None = None

    @classmethod
    def this_process(cls, trials: int, epochs: int, epochs_a_trial: int) -> "SweepProcess":
        own = psutil.Process()
        return cls(
            own.pid, socket.gethostname(), own.create_time(), time.time(), trials, epochs, epochs_a_trial
        )

    @property
    def is_here(self) -> bool:
        return self.host == socket.gethostname()

    def is_alive(self) -> bool:
        """Whether this machine runs a process with the same pid and start time."""
        try:
            started = psutil.Process(self.pid).create_time()
        except psutil.NoSuchProcess:
            return False
        return self.is_here and abs(started - self.process_start) < _SAME_START_S

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


@contextmanager
def locked(folder: SweepFolder, process: SweepProcess) -> Iterator[None]:
    """Hold the sweep's lock; raises UserError, which names the other process, if one runs the sweep."""
    try:
        lock = FileLock(folder.lock, timeout=_PATIENCE_S, fallback_to_soft=False).acquire()
    except Timeout:
        who = read_process(folder) or "another process"
        raise UserError(f"{folder.path}: {who} already runs this sweep; --stop ends it") from None
    except OSError as error:
        raise UserError(f"{folder.lock}: cannot be locked: {error.strerror}") from None
    with lock:
        before = read_process(folder)
        _write(folder, replace(process, attempt=1 if before is None else before.attempt + 1))
        folder.stop_asked.unlink(missing_ok=True)
        yield


def attempt_of(folder: SweepFolder) -> int:
    """The number of the process that runs the sweep now."""
    process = read_process(folder)
    return 1 if process is None else process.attempt


def record_end(folder: SweepFolder) -> None:
    """Record that the process that runs the sweep has done all it had to do."""
    process = read_process(folder)
    assert process is not None, "the sweep's lock is held"
    _write(folder, replace(process, ended=time.time()))


def running(folder: SweepFolder) -> SweepProcess | None:
    """The process that runs the sweep now, or None."""
    return read_process(folder) if is_locked(folder) else None


def is_locked(folder: SweepFolder) -> bool:
    """Whether a process runs the sweep now.

    Asks for a shared lock, which filelock does not have for files: two that look at once do not take each
    other for the sweep's process, and another user's sweep can be looked at without the right to write.
    """
    try:
        descriptor = os.open(folder.lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise UserError(f"{folder.lock}: cannot be opened: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        raise UserError(f"{folder.lock}: cannot be locked: {error.strerror}") from None
    finally:
        os.close(descriptor)
    return False


def read_process(folder: SweepFolder) -> SweepProcess | None:
    """The process that runs the sweep, or ran it last; None if the folder has no process.json."""
    return read_record(folder.process, SweepProcess)


def ask_to_stop(folder: SweepFolder) -> SweepProcess:
    """Send SIGINT, as Ctrl-C does, to the process that runs the sweep; returns that process.

    Raises UserError if no process runs it, if that process is on another machine or another user's, if
    process.json names another one, or if it was asked before: a second SIGINT would end it at once.
    """
    check_folder(folder)
    process = running(folder)
    if process is None:
        raise UserError(f"{folder.path}: no process runs this sweep, so there is none to stop")
    if not process.is_here:
        raise UserError(f"{folder.path}: {process} runs this sweep; stop it on that machine")
    if folder.stop_asked.exists():
        raise UserError(f"{folder.path}: {process} was asked to stop already; --status shows when it has")
    try:
        folder.stop_asked.touch()
        _interrupt(process, folder)
    except UserError:
        folder.stop_asked.unlink()
        raise
    except ProcessLookupError:
        folder.stop_asked.unlink()
        raise UserError(f"{folder.path}: {process} is not there any more, so there is none to stop") from None
    except PermissionError:
        folder.stop_asked.unlink(missing_ok=True)
        raise UserError(f"{folder.path}: {process} belongs to another user, who alone can stop it") from None
    return process


def _write(folder: SweepFolder, process: SweepProcess) -> None:
    write_whole(folder.process, json.dumps(asdict(process), indent=1))


def _interrupt(process: SweepProcess, folder: SweepFolder) -> None:
    """Send SIGINT; raises ProcessLookupError if the process has ended, even if another one has its pid.

    Raises UserError if it is not the process that holds the lock.
    """
    if not 0 < process.pid < 1 << 31:
        raise ProcessLookupError(process.pid)
    descriptor = os.pidfd_open(process.pid)
    try:
        if not _holds(process.pid, folder.lock):  # asked after opening: the descriptor is this process's
            if not process.is_alive():
                raise ProcessLookupError(process.pid)
            raise UserError(
                f"{folder.process}: names process {process.pid}, which does not run this sweep: it is not "
                "signalled"
            )
        signal.pidfd_send_signal(descriptor, signal.SIGINT)
    finally:
        os.close(descriptor)


def _holds(pid: int, lock: Path) -> bool:
    """Whether it is a Python process that has the lock's file open, as whoever runs the sweep has.

    Raises PermissionError for another user's process.
    """
    with suppress(FileNotFoundError):  # ended meanwhile
        if not Path(os.readlink(f"/proc/{pid}/exe")).name.startswith("python"):
            return False
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            with suppress(FileNotFoundError):  # closed meanwhile
                if os.path.samestat(os.stat(f"/proc/{pid}/fd/{descriptor}"), lock.stat()):
                    return True
    return False
