"""An event log: whole lines are read back, half a line is cut off, and one process at a time does a thing."""

import multiprocessing

from platform.storage.event_log import EventLog


def test_lines_are_read_back_in_order_and_half_a_line_is_none(tmp_path):
    log = EventLog(tmp_path / "state")
    assert log.lines() == []
    log.append_line("first")
    with log.file.open("ab") as file:
        file.write(b"hal")
    assert log.lines() == [b"first"]
    log.append_line("second")
    assert log.lines() == [b"first", b"second"]
    assert log.file.read_bytes() == b"first\nsecond\n"


def _is_alone(folder, answers):
    with EventLog(folder).alone("running") as is_alone:
        answers.put(is_alone)


def test_one_process_at_a_time_does_what_it_does_alone(tmp_path):
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    with EventLog(tmp_path).alone("running") as is_alone:
        other = context.Process(target=_is_alone, args=(tmp_path, answers))
        other.start()
        other.join()
    assert (is_alone, answers.get()) == (True, False)
    _is_alone(tmp_path, answers)
    assert answers.get() is True
