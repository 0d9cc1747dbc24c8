"""A command of ours as a process of its own, watched until it ends or must be stopped: nights and rounds."""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from platform.config.errors import UserError
from platform.config.invocation import ROOT
from platform.storage.disk import written_to

Stop = Callable[[], str | None]
"""Asked once a second: why the command must stop now, or None."""
POLL_S = 1.0
PATIENCE_S = 180.0
"""Time that a command has to end after SIGINT, in which it writes checkpoints and its report."""
ASKED_AGAIN_S = 10.0
"""After so long an orphaned command gets SIGINT again: one is lost where it comes while it imports."""


@dataclass(frozen=True)
class Ended:
    """How a command ended; ``stopped``: why it was stopped; ``last_line``: of what it said to stderr."""

    code: int
    seconds: float
    stopped: str | None
    last_line: str


def run_command(module: str, arguments: Sequence[str], log: Path, stop: Stop, *, root: Path = ROOT) -> Ended:
    """Run ``python -m module`` in this folder to its end; what it says is appended to ``log``.

    The module is that of the checkout at ``root``, even if this folder is another checkout. A
    KeyboardInterrupt here ends the command, too.
    """
    line = [sys.executable, "-P", "-m", module, *arguments]
    errors = log.with_suffix(".stderr")
    environment = {**os.environ, "PYTHONPATH": _before(root, os.environ.get("PYTHONPATH"))}
    started = time.monotonic()
    with written_to(log):
        log.parent.mkdir(parents=True, exist_ok=True)
        with _alone(log.with_suffix(".lock")) as lock, log.open("ab") as out, errors.open("wb") as err:
            out.write(f"$ {' '.join(line)}\n".encode())
            out.flush()
            process = subprocess.Popen(  # its own session: Ctrl-C reaches it through us alone
                line,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=environment,
                start_new_session=True,
                pass_fds=[lock],
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )
            os.pwrite(lock, f"{process.pid}\n".encode(), 0)
            why = _watched(process, stop)
        said = errors.read_bytes()
        with log.open("ab") as out:
            out.write(said)
    lines = [line for line in said.decode("utf-8", "replace").splitlines() if line.strip()]
    return Ended(process.returncode, time.monotonic() - started, why, lines[-1].strip() if lines else "")


@contextmanager
def _alone(file: Path) -> Iterator[int]:
    """The descriptor of a lock that the command inherits, so that it lasts as long as the command does.

    Raises:
        UserError: the command of an earlier attempt, whose parent was killed, does not end.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        started, is_asked = time.monotonic(), False
        while not _is_locked_now(descriptor):
            waited = time.monotonic() - started
            if waited > PATIENCE_S:
                raise UserError(f"{file}: an earlier attempt's command has not ended in {PATIENCE_S:.0f} s")
            if waited > ASKED_AGAIN_S and not is_asked:
                is_asked = True
                _interrupt_holder(descriptor)
            time.sleep(POLL_S)
        os.truncate(descriptor, 0)
        yield descriptor
    finally:
        os.close(descriptor)


def _is_locked_now(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _interrupt_holder(descriptor: int) -> None:
    """SIGINT to the process in the file: it is the one that holds the lock, so its pid is not another's."""
    written = os.pread(descriptor, 32, 0).split(b"\n")[0]
    if written.isdigit():
        with suppress(ProcessLookupError, PermissionError):
            os.kill(int(written), signal.SIGINT)


_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def _end_with_parent() -> None:
    """In the new process: if its parent is killed, the kernel sends SIGINT, and a sweep ends resumable."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)


def _watched(process: "subprocess.Popen[bytes]", stop: Stop) -> str | None:
    """Wait for the process; why it was stopped, if it was."""
    why: str | None = None
    patience = PATIENCE_S
    try:
        while True:
            try:
                process.wait(timeout=POLL_S)
            except subprocess.TimeoutExpired:
                if why is not None:
                    patience -= POLL_S
                    if patience <= 0:
                        _end(process, signal.SIGKILL)
                elif (why := stop()) is not None:
                    _end(process, signal.SIGINT)
            else:
                return why
    except BaseException:
        _end(process, signal.SIGINT)
        try:
            process.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            _end(process, signal.SIGKILL)
            process.wait()
        raise


def _end(process: "subprocess.Popen[bytes]", how: signal.Signals) -> None:
    """Signal the command, and with SIGKILL all that it started."""
    try:
        if how is signal.SIGKILL:
            os.killpg(process.pid, how)
        else:
            process.send_signal(how)
    except ProcessLookupError:
        return


def _before(root: Path, path: str | None) -> str:
    return os.pathsep.join([str(root.absolute()), *([path] if path else [])])
