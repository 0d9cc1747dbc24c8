"""What Ray changes in the process that starts it and does not put back: a notebook's, say, which goes on."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

BREAKPOINT = "PYTHONBREAKPOINT"
"""Where ``breakpoint()`` goes: Ray names its own debugger."""


@contextmanager
def kept_as_it_was() -> Iterator[None]:
    """Put back the debugger and the handler of SIGTERM afterwards."""
    debugger, on_sigterm = os.environ.get(BREAKPOINT), signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        os.environ.pop(BREAKPOINT, None)
        if debugger is not None:
            os.environ[BREAKPOINT] = debugger
        # None: a handler that was not set from Python. Ray sets one in the main thread alone, as Python asks.
        if on_sigterm is not None and threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, on_sigterm)
