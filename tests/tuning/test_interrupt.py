"""The first Ctrl-C asks Tune to stop, the second ends the process."""

import os
import signal

import pytest

from platform.tuning.stopping.interrupt import graceful_interrupt


def test_the_first_interrupt_is_handed_on_and_the_second_raises():
    asked = []
    with graceful_interrupt() as interrupt:
        signal.signal(signal.SIGUSR1, lambda *_: asked.append("stop"))  # as Tune does when it starts
        assert not interrupt.is_set
        os.kill(os.getpid(), signal.SIGINT)
        assert interrupt.is_set and asked == ["stop"]
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_an_interrupt_before_tune_listens_raises_at_once():
    with graceful_interrupt() as interrupt:
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
        assert not interrupt.is_set


def test_handlers_are_put_back():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)]
    with graceful_interrupt():
        pass
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)] == before
