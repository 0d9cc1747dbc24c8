"""One process a sweep: real processes, real locks, real signals."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace

import psutil
import pytest

from platform.config.errors import UserError
from platform.tuning.folder.process_lock import (
    SweepProcess,
    ask_to_stop,
    attempt_of,
    locked,
    read_process,
    record_end,
    running,
)
from platform.tuning.folder.sweep_folder import SweepFolder

RUNS_A_SWEEP = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a script that runs in the background ignores it
from pathlib import Path
from platform.tuning.folder.process_lock import SweepProcess, locked
from platform.tuning.folder.sweep_folder import SweepFolder
with locked(SweepFolder(Path(sys.argv[1])), SweepProcess.this_process(4, 12, 3)):
    try:
        print("holding", flush=True)
        time.sleep(60)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sweep").mkdir()
    return SweepFolder(tmp_path / "sweep")


@pytest.fixture
def other(folder, root):
    """Another process that runs the sweep."""
    process = subprocess.Popen(
        [sys.executable, "-c", RUNS_A_SWEEP, str(folder.path)],
        cwd=root,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "holding\n"
    yield process
    process.kill()
    process.communicate()


@pytest.fixture
def sleeper():
    process = subprocess.Popen(["sleep", "60"])
    yield process
    process.kill()
    process.wait()


def test_a_second_process_is_refused_and_told_who_the_first_is(folder, other):
    said = rf"process {other.pid} on {socket.gethostname()} already runs this sweep"
    with pytest.raises(UserError, match=said), locked(folder, SweepProcess.this_process(4, 12, 3)):
        pass
    assert read_process(folder).pid == other.pid


def test_a_killed_process_leaves_nothing_in_the_way(folder, other):
    assert running(folder).pid == other.pid
    other.send_signal(signal.SIGKILL)
    other.wait()
    assert running(folder) is None
    with locked(folder, SweepProcess.this_process(4, 12, 3)):
        assert running(folder).pid == os.getpid()
    assert running(folder) is None


def test_each_process_of_a_sweep_has_its_number_and_says_when_it_has_done_all(folder):
    for attempt in (1, 2, 3):
        with locked(folder, SweepProcess.this_process(4, 12, 3)):
            assert read_process(folder).attempt == attempt_of(folder) == attempt
            assert read_process(folder).ended is None
            record_end(folder)
    assert time.time() - 60 < read_process(folder).ended <= time.time()


def test_it_is_stopped_by_one_interrupt(folder, other):
    assert ask_to_stop(folder).pid == other.pid
    assert other.stdout.readline() == "interrupted\n"
    other.wait(timeout=20)
    with pytest.raises(UserError, match="no process runs this sweep"):
        ask_to_stop(folder)


def test_it_is_stopped_after_the_clock_was_set(folder, other):
    record = json.loads(folder.process.read_text())
    folder.process.write_text(json.dumps(record | {"process_start": record["process_start"] - 3600}))
    assert ask_to_stop(folder).pid == other.pid
    assert other.stdout.readline() == "interrupted\n"


def test_it_is_asked_once_so_that_it_stops_gently(folder, sleeper):
    sleeping = replace(
        SweepProcess.this_process(4, 12, 3),
        pid=sleeper.pid,
        process_start=psutil.Process(sleeper.pid).create_time(),
    )
    with locked(folder, sleeping):
        folder.stop_asked.touch()
        with pytest.raises(UserError, match="was asked to stop already"):
            ask_to_stop(folder)
    assert sleeper.poll() is None


def test_a_recycled_pid_is_never_signalled(folder, sleeper):
    stranger = replace(SweepProcess.this_process(4, 12, 3), pid=sleeper.pid, process_start=time.time() - 3600)
    with locked(folder, stranger), pytest.raises(UserError, match="is not there any more"):
        ask_to_stop(folder)
    time.sleep(0.1)
    assert sleeper.poll() is None
    assert not folder.stop_asked.exists()


def test_another_machines_sweep_is_not_stopped_from_here(folder, sleeper):
    elsewhere = replace(SweepProcess.this_process(4, 12, 3), pid=sleeper.pid, host="node-7")
    with (
        locked(folder, elsewhere),
        pytest.raises(UserError, match=rf"process {sleeper.pid} on node-7 runs this sweep; stop it"),
    ):
        ask_to_stop(folder)
    assert sleeper.poll() is None


def test_looking_for_a_moment_does_not_keep_a_sweep_from_starting(folder):
    folder.lock.touch()
    with folder.lock.open() as looker:
        fcntl.flock(looker, fcntl.LOCK_SH)
        assert running(folder) is None, "two may look at once"
        looks_away = threading.Timer(0.2, fcntl.flock, (looker, fcntl.LOCK_UN))
        looks_away.start()
        with locked(folder, SweepProcess.this_process(4, 12, 3)):
            assert running(folder) is not None
        looks_away.join()


def test_a_record_that_cannot_be_read_is_an_error(folder):
    folder.process.write_text("{")
    with pytest.raises(UserError, match=r"process\.json: cannot be read"):
        read_process(folder)
