"""The first Ctrl-C, SIGTERM or SIGHUP asks Tune to stop; the second ends the process, but for SIGHUP."""

import os
import pty
import signal
import sys

import pytest

from platform.tuning.stopping.interrupt import ended_by_signals, graceful_interrupt


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
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)
    before = [signal.getsignal(number) for number in numbers]
    with ended_by_signals(), graceful_interrupt():
        pass
    assert [signal.getsignal(number) for number in numbers] == before


@pytest.fixture
def hangup():
    """SIGHUP as in a terminal, even if these tests run under nohup; as it was, afterwards."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def test_a_hangup_stops_gently_however_often_it_comes(hangup):
    asked = []
    with ended_by_signals():
        with graceful_interrupt() as interrupt:
            signal.signal(signal.SIGUSR1, lambda *_: asked.append("stop"))
            for _ in range(3):  # one of the kernel, one of the shell
                os.kill(os.getpid(), signal.SIGHUP)
            assert interrupt.is_set and asked == ["stop"]
        os.kill(os.getpid(), signal.SIGHUP)  # the report is made


def test_a_hangup_outside_the_trials_ends_as_ctrl_c_does(hangup):
    with ended_by_signals():
        for number in (signal.SIGTERM, signal.SIGHUP):
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), number)


def test_under_nohup_a_hangup_changes_nothing(hangup):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with ended_by_signals(), graceful_interrupt() as interrupt:
        os.kill(os.getpid(), signal.SIGHUP)
        assert not interrupt.is_set
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_a_terminal_that_is_gone_is_written_to_no_more(root, hangup):
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(root)
        os.execv(sys.executable, [sys.executable, "-c", HUNG_UP])
    assert os.read(terminal, 100).strip() == b"ready"
    os.close(terminal)  # the kernel sends SIGHUP
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7


HUNG_UP = """
import signal, sys, time
from platform.tuning.stopping.interrupt import graceful_interrupt
with graceful_interrupt() as interrupt:
    signal.signal(signal.SIGUSR1, lambda *_: None)
    print("ready", flush=True)
    while not interrupt.is_set:
        time.sleep(0.01)
    print("interrupted; go on with: …", flush=True)
sys.exit(7)
"""
