"""The spool's two files: what is read back of them after any death, and what is said of a broken one."""

import resource

import pytest

from platform.tracking.tracking_config import TrackingError
from platform.tracking.writing.spool import Spool, SpoolTaken, position_file, read_entries


@pytest.fixture
def path(tmp_path):
    """A spool of four calls, of which MLflow has confirmed two."""
    path = tmp_path / "mlflow_spool.jsonl"
    spool = Spool(path)
    for step in range(1, 5):
        spool.append("reopen", {"attempt": step})
    for _ in range(2):
        spool.confirm(spool.first())
    spool.close()
    return path


def waiting_attempts(path):
    spool = Spool(path)
    attempts = []
    while entry := spool.first():
        attempts.append(entry.arguments["attempt"])
        spool.confirm(entry)
    spool.close()
    return attempts


def test_calls_that_were_not_confirmed_wait_in_order_for_the_next_process(path):
    assert [entry.n for entry in read_entries(path)] == [1, 2, 3, 4]
    assert waiting_attempts(path) == [3, 4]
    assert waiting_attempts(path) == []


def test_a_value_comes_back_to_the_last_bit_though_it_is_not_finite(tmp_path):
    metrics = {"a": 0.1 + 0.2, "b": float("inf"), "c": float("-inf"), "d": float("nan")}
    spool = Spool(tmp_path / "spool.jsonl")
    trial = {"trial_id": "0000"}
    spool.append("start_trial", trial | {"searched": {}, "constants": {}, "config": {}, "attempt": 1})
    spool.append("report", trial | {"step": 1, "metrics": metrics})
    spool.close()
    assert repr(read_entries(spool.path)[1].arguments["metrics"]) == repr(metrics)


@pytest.mark.parametrize("cut", [1, 10, 60])
def test_a_last_line_cut_off_by_a_death_is_left_and_the_next_one_is_whole(path, cut):
    path.write_bytes(path.read_bytes()[:-cut])
    assert len(read_entries(path)) == 3
    spool = Spool(path)
    spool.append("reopen", {"attempt": 9})
    spool.close()
    assert waiting_attempts(path) == [3, 9]
    assert [entry.n for entry in read_entries(path)] == [1, 2, 3, 4]


def test_a_position_that_lags_behind_delivers_again(path):
    position_file(path).write_text("1\n")
    assert waiting_attempts(path) == [2, 3, 4]


@pytest.mark.parametrize("text", ["", "0\n"])
def test_a_position_that_is_lost_delivers_all_again(path, text):
    position_file(path).write_text(text)
    assert waiting_attempts(path) == [1, 2, 3, 4]
    position_file(path).unlink()
    assert waiting_attempts(path) == [1, 2, 3, 4]


def test_a_position_ahead_of_what_a_power_cut_left_delivers_nothing_twice_and_what_is_new(path):
    position_file(path).write_text("7\n")
    spool = Spool(path)
    assert spool.first() is None
    spool.append("reopen", {"attempt": 9})
    assert spool.first().n == 8
    spool.close()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("no JSON", "Expecting value"),
        ('{"n": 3, "at_ms": 1, "call": "report"}', "arguments: Field required"),
        ('{"n": 3, "at_ms": 1, "call": "delete_run", "arguments": {}}', "call: Input should be 'log_sweep'"),
        ('{"n": 2, "at_ms": 1, "call": "reopen", "arguments": {}}', "number 2 comes after 2"),
        ('{"n": "3", "at_ms": 1, "call": "reopen", "arguments": {}}', "n: Input should be a valid integer"),
        ("[3]", "no call for MLflow"),
    ],
)
def test_a_line_that_is_no_call_is_named_in_one_line(path, line, words):
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:2], line, lines[3], ""]))
    with pytest.raises(TrackingError) as error:
        Spool(path)
    assert str(error.value).startswith(f"{path}:3: is no call for MLflow (")
    assert words in str(error.value) and "\n" not in str(error.value)
    path.write_text("\n".join([*lines, ""]))
    Spool(path).close()  # what failed has let it go


def test_a_position_that_is_no_number_is_named(path):
    position_file(path).write_text("half")
    with pytest.raises(TrackingError, match=r"mlflow_spool.position: holds no number but 'half'; remove it"):
        Spool(path)


def test_only_one_holds_it(path):
    spool = Spool(path)
    with pytest.raises(SpoolTaken, match="another process delivers from it"):
        Spool(path)
    spool.close()
    Spool(path).close()


def test_a_full_disk_is_an_error_and_leaves_no_half_line(path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    spool = Spool(path)
    before = path.read_bytes()
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, hard))
    try:
        with pytest.raises(TrackingError, match=r"spool.jsonl: cannot be written: File too large"):
            spool.append("reopen", {"attempt": 5})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    spool.append("reopen", {"attempt": 6})
    spool.close()
    assert waiting_attempts(path) == [3, 4, 6]
