"""Why a trial failed, from the text that Tune leaves; its pickle is never loaded."""

from types import SimpleNamespace
from typing import Any

import pytest

from platform.tuning.trial.failure import DIED, cause_line, cause_of

HEAD = "Failure # 1 (occurred at 2026-11-30_17-00-00)\n"
RAISED_IN_A_TASK = """\x1b[36mray::Trainable.train()\x1b[39m (pid=1, ip=127.0.0.1)
  File "trainer.py", line 3, in train
    raise DataError(
platform.datasets.errors.DataError: data.source: photos is empty
and says more
"""
IN_ITS_CREATION = """The actor died because of an error raised in its creation task, ray::Trial.__init__()
  File "trial.py", line 3, in __init__
    int("x")
ValueError: invalid literal for int() with base 10: 'x'
"""
KILLED = """The actor died unexpectedly before finishing this task.
\tclass_name: Trial
\tpid: 7
The actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR.
"""


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (HEAD + RAISED_IN_A_TASK, "DataError: data.source: photos is empty"),
        (HEAD + IN_ITS_CREATION, "ValueError: invalid literal for int() with base 10: 'x'"),
        (HEAD + KILLED, DIED),
        (HEAD + RAISED_IN_A_TASK + HEAD.replace("1", "2", 1) + KILLED, DIED),
        (HEAD + "\nTrial was stopped\n", "Trial was stopped"),
        ("", "the trial's process died and left no message"),
    ],
)
def test_the_cause_is_the_line_that_was_raised(text, line, tmp_path):
    file = tmp_path / "error.txt"
    file.write_text(text)
    (tmp_path / "error.pkl").write_bytes(b"cos\nsystem\n(S'touch " + bytes(tmp_path) + b"/ran'\ntR.")
    trial: Any = SimpleNamespace(error_file=str(file), pickled_error_file=str(tmp_path / "error.pkl"))
    assert cause_line(trial) == line
    assert cause_of(trial).startswith(line)
    assert not (tmp_path / "ran").exists()


def test_a_trial_without_a_file_left_no_message(tmp_path):
    trial: Any = SimpleNamespace(error_file=str(tmp_path / "error.txt"))
    assert cause_of(trial) == "the trial's process died and left no message"
