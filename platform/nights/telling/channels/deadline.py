"""An end to what a server may take, byte by byte."""

import threading
from collections.abc import Callable

from platform.nights.telling.channels.not_delivered import NotDelivered


def within(seconds: float, call: Callable[[], None]) -> None:
    """``call()``, and what it raises; raises NotDelivered if it has not ended by then.

    It runs in a thread, which is left to itself then and holds up neither the caller nor the process's end.
    """
    raised: list[BaseException] = []

    def run() -> None:
        try:
            call()
        except BaseException as error:  # noqa: BLE001 - it is raised again below
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise NotDelivered(f"no end of its answer within {seconds:g} s")
    if raised:
        raise raised.pop()  # a reference to it would keep it, and the socket that it holds, in a circle
