"""Ctrl-C and SIGTERM while a sweep runs: Tune stops as it is, and we know it was asked to."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupt:
    """Whether the sweep was asked to stop."""

    def __init__(self) -> None:
        self.is_set = False


@contextmanager
def graceful_interrupt() -> Iterator[Interrupt]:
    """Turn the first SIGINT or SIGTERM into Tune's own graceful stop, which it offers on SIGUSR1.

    The second one raises KeyboardInterrupt as usual.
    """
    interrupt = Interrupt()

    def stop(signum: int, frame: FrameType | None) -> None:
        if interrupt.is_set or signal.getsignal(signal.SIGUSR1) in (signal.SIG_DFL, signal.SIG_IGN):
            raise KeyboardInterrupt
        interrupt.is_set = True
        os.kill(os.getpid(), signal.SIGUSR1)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    usr1 = signal.signal(signal.SIGUSR1, signal.SIG_DFL)  # one that an ended Tune left would do nothing
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.signal(signal.SIGUSR1, usr1)
