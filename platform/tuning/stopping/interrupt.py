"""Ctrl-C, SIGTERM and SIGHUP (a closed SSH session) while a sweep runs: it stops and can be resumed."""

import errno
import os
import signal
import termios
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType

ASKING = (signal.SIGINT, signal.SIGTERM)
Handler = Callable[[int, FrameType | None], None]


class Interrupt:
    """``is_set``: whether the sweep was asked to stop; ``on_stop``: what the signal's handler calls."""

    def __init__(self) -> None:
        self.is_set = False
        self.on_stop: Callable[[], None] | None = None


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt, as Ctrl-C does, so that the sweep can be resumed.

    For what comes before a sweep's first trial and after its last. A second SIGHUP is ignored, as shell and
    kernel send one each; so is every one under ``nohup``.
    """

    def stop(signum: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    with _handled({signal.SIGTERM: stop, signal.SIGHUP: _once(stop)}):
        yield


@contextmanager
def graceful_interrupt() -> Iterator[Interrupt]:
    """Turn the first SIGINT, SIGTERM or SIGHUP into Tune's graceful stop, which it offers on SIGUSR1.

    The second signal raises KeyboardInterrupt as usual, but for SIGHUP, of which only the first counts.
    """
    interrupt = Interrupt()

    def stop(signum: int, frame: FrameType | None) -> None:
        if interrupt.is_set and signum == signal.SIGHUP:
            return
        if interrupt.is_set or signal.getsignal(signal.SIGUSR1) in (signal.SIG_DFL, signal.SIG_IGN):
            raise KeyboardInterrupt
        interrupt.is_set = True
        if interrupt.on_stop is not None:
            interrupt.on_stop()
        os.kill(os.getpid(), signal.SIGUSR1)

    usr1 = signal.signal(signal.SIGUSR1, signal.SIG_DFL)  # an earlier experiment's handler does nothing
    try:
        with _handled({**dict.fromkeys(ASKING, stop), signal.SIGHUP: _once(stop)}):
            yield interrupt
    finally:
        signal.signal(signal.SIGUSR1, usr1)


def _once(stop: Handler) -> Handler:
    """Handle the first SIGHUP only, after which nothing is written to the terminal that is gone."""

    def hang_up(signum: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        _leave_lost_terminal()
        stop(signum, frame)

    return hang_up


@contextmanager
def _handled(handlers: Mapping[signal.Signals, Handler]) -> Iterator[None]:
    """Handle these signals in the context; a SIGHUP that is ignored, as under ``nohup``, stays so."""
    before = {number: signal.getsignal(number) for number in handlers}
    if before.get(signal.SIGHUP) == signal.SIG_IGN:
        del before[signal.SIGHUP]
    for number in before:
        signal.signal(number, handlers[number])
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, handler)


def _leave_lost_terminal() -> None:
    """Write to nowhere instead of a terminal that hung up, where every write would be an error."""
    for descriptor in (1, 2):
        try:
            termios.tcgetattr(descriptor)
        except termios.error as error:
            if error.args[0] == errno.EIO:  # not ENOTTY, as of a file or a pipe
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, descriptor)
                os.close(nowhere)
