"""Who runs a sweep: one process at a time, known so well that no other one is ever signalled in its place.

The process that runs a sweep holds a lock (``flock``) on runs/NAME/process.lock, which the system gives back
however the process ends, and says who it is in runs/NAME/process.json.
"""

import errno
import fcntl
import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import IO

import psutil  # type: ignore[import-untyped]

from platform.config.errors import UserError
from platform.tuning.folder.sweep_folder import SweepFolder

_TRIES, _BETWEEN_S = 20, 0.05  # somebody who only looks holds the lock for an instant
_SAME_START_S = 2.0  # the system's clock is set while a sweep runs; a recycled pid is far younger


@dataclass(frozen=True)
class Holder:
    """A process that runs a sweep, or did. ``process_start``: when it started, in seconds since 1970.

    ``began``: when it took the sweep up; ``trials``, ``epochs``: what it plans in all, epochs at most.
    """

    pid: int
    host: str
    process_start: float
    began: float
    trials: int
    epochs: int
    epochs_a_trial: int

    @classmethod
    def this_process(cls, trials: int, epochs: int, epochs_a_trial: int) -> "Holder":
        own = psutil.Process()
        return cls(
            own.pid, socket.gethostname(), own.create_time(), time.time(), trials, epochs, epochs_a_trial
        )

    @property
    def is_here(self) -> bool:
        return self.host == socket.gethostname()

    def is_alive(self) -> bool:
        """Whether that very process runs on this machine: the same pid, started at the same time."""
        try:
            started = psutil.Process(self.pid).create_time()
        except psutil.NoSuchProcess:
            return False
        return self.is_here and abs(started - self.process_start) < _SAME_START_S

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


@contextmanager
def holding(folder: SweepFolder, holder: Holder) -> Iterator[None]:
    """Run the sweep in ``folder`` alone; raises UserError, naming who does, where another process runs it."""
    with _lock_file(folder, "a") as file:
        if not _locked(file):
            raise UserError(f"{folder.path}: the sweep is run by {_named(folder)} already; --stop ends it")
        _write(folder, holder)
        folder.stop_asked.unlink(missing_ok=True)
        yield


def running(folder: SweepFolder) -> Holder | None:
    """The process that runs the sweep now; None where none does."""
    if not folder.lock.exists():
        return None
    with _lock_file(folder, "r") as file:
        if _locked(file, shared=True):
            return None
    return read_holder(folder)


def read_holder(folder: SweepFolder) -> Holder | None:
    """The last process that ran the sweep; None where nothing says so."""
    try:
        return Holder(**json.loads(folder.process.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, TypeError) as error:
        raise UserError(f"{folder.process}: cannot be read: {error}") from None


def ask_to_stop(folder: SweepFolder) -> Holder:
    """Send the process that runs the sweep what one Ctrl-C sends, once; raises UserError where none does."""
    holder = running(folder)
    if holder is None:
        raise UserError(f"{folder.path}: no process runs this sweep, so there is none to stop")
    if not holder.is_here:
        raise UserError(f"{folder.path}: is run by {holder}; stop it there")
    if folder.stop_asked.exists():
        raise UserError(f"{folder.path}: {holder} was asked to stop already; --status shows when it has")
    folder.stop_asked.touch()
    if not _interrupt(holder):
        folder.stop_asked.unlink()
        raise UserError(f"{folder.path}: {holder} is not there any more, so there is none to stop")
    return holder


def _interrupt(holder: Holder) -> bool:
    """Send SIGINT to that very process, whatever becomes of its pid; whether it was there."""
    try:
        descriptor = os.pidfd_open(holder.pid)
    except ProcessLookupError:
        return False
    try:
        if not holder.is_alive():  # asked after opening: the descriptor means the process that was looked at
            return False
        signal.pidfd_send_signal(descriptor, signal.SIGINT)
    except PermissionError:
        raise UserError(f"{holder} belongs to another user, who alone can stop it") from None
    finally:
        os.close(descriptor)
    return True


@contextmanager
def _lock_file(folder: SweepFolder, mode: str) -> Iterator[IO[str]]:
    try:
        file = folder.lock.open(mode, encoding="utf-8")
    except OSError as error:
        raise UserError(f"{folder.lock}: cannot be opened: {error.strerror}") from None
    with file:
        yield file


def _locked(file: IO[str], *, shared: bool = False) -> bool:
    """Take the lock, to hold it or to look whether somebody does; False where another process has it."""
    kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
    for _ in range(_TRIES):
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                raise UserError(f"{file.name}: cannot be locked: {error.strerror}") from None
            if shared:
                return False
            time.sleep(_BETWEEN_S)
        else:
            return True
    return False


def _named(folder: SweepFolder) -> str:
    return str(read_holder(folder) or "another process")


def _write(folder: SweepFolder, holder: Holder) -> None:
    draft = folder.process.with_suffix(".tmp")
    draft.write_text(json.dumps(asdict(holder), indent=1), encoding="utf-8")
    draft.replace(folder.process)
