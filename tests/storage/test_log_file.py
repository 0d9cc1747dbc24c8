"""A log file on a disk that is full or read-only: no traceback, and no error when it is closed."""

import logging
import os
import resource
import signal

import pytest

from platform.storage.log_file import LogFile
from platform.tuning.cluster.library_logs import library_logs_to


@pytest.fixture
def full_at():
    """``full_at(bytes)``: no file of this process may grow longer, a real limit of the system's."""
    limit, action = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, limit[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    signal.signal(signal.SIGXFSZ, action)


def test_lines_that_cannot_be_written_cost_nothing_else(tmp_path, full_at, capsys):
    handler = LogFile(tmp_path / "a.log", "%(message)s")
    logger = logging.Logger("one")
    logger.addHandler(handler)
    logger.warning("kept")
    full_at(os.path.getsize(tmp_path / "a.log"))
    for _ in range(3):
        logger.warning("lost %s", "ü")
    handler.close()
    full_at(resource.RLIM_INFINITY)
    assert (tmp_path / "a.log").read_text() == "kept\n"
    assert handler.lost == 3 and "too large" in str(handler.problem)
    assert capsys.readouterr().err == ""


def test_it_is_said_once_at_the_end(tmp_path, full_at, capsys, caplog):
    full_at(0)
    with library_logs_to(tmp_path):
        for _ in range(3):
            logging.getLogger("optuna").warning("lost")
    full_at(resource.RLIM_INFINITY)
    [said] = [record.getMessage() for record in caplog.records if record.name.startswith("platform")]
    file = tmp_path / "libraries.log"
    assert said == f"{file}: cannot be written: File too large; 3 messages of libraries lost"
    assert capsys.readouterr().err == ""


def test_a_mistake_of_the_message_is_shown_as_ever(tmp_path, capsys):
    logger = logging.Logger("one")
    handler = LogFile(tmp_path / "a.log", "%(message)s")
    logger.addHandler(handler)
    logger.warning("%d", "no number")
    handler.close()
    assert "TypeError" in capsys.readouterr().err
