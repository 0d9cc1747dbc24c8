"""A sweep that is watched and stopped from another terminal, killed when it goes on, and then resumed.

It ends as the sweep ``first``, of the same space, which nobody disturbed.
"""

import json
import os
import pty
import re
import select
import signal
import subprocess
import time
from dataclasses import dataclass

import pandas as pd
import psutil
import pytest

pytestmark = [pytest.mark.sweep, pytest.mark.timeout(1800)]

EXPERIMENT = "noisy digits"


class Terminal:
    """A command in a terminal of its own, and what that has shown, without its colours and moves."""

    def __init__(self, command, environment, root):
        self.main, side = pty.openpty()
        terminal = {**environment, "TERM": "xterm-256color", "COLUMNS": "140", "LINES": "40"}
        self.process = subprocess.Popen(
            command, cwd=root, env=terminal, stdin=side, stdout=side, stderr=subprocess.PIPE, text=True
        )
        os.close(side)
        self.shown = b""

    @property
    def text(self):
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.shown.decode(errors="ignore"))

    def read(self, until):
        """Until something is shown; None: until the command ends."""
        deadline = time.monotonic() + 800
        while time.monotonic() < deadline and (until is None or not re.search(until, self.text)):
            ready, _, _ = select.select([self.main], [], [], 1)
            if ready:
                try:
                    self.shown += os.read(self.main, 65536)
                except OSError:  # Linux says so when the other side has closed
                    return
        assert time.monotonic() < deadline, self.text


@dataclass
class Story:
    """What each command printed, and what MLflow and the report had when the sweep was stopped."""

    pid: int
    status: dict[str, object]
    second: subprocess.CompletedProcess[str]
    stop: subprocess.CompletedProcess[str]
    shown: str
    errors: str
    code: int
    listed: str
    status_after: str
    second_stop: subprocess.CompletedProcess[str]
    outcomes_when_stopped: list[str]
    page_when_stopped: str
    was_tested: bool
    resumed: str = ""


def kill_all(process):
    """The driver and everything that it has started, Ray's processes among them, none of them warned."""
    for one in [*psutil.Process(process.pid).children(recursive=True), process]:
        try:
            one.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    process.wait()


def outcomes_of(runs):
    return [run.data.tags["outcome"] for run in runs.trials_in_mlflow("broken", EXPERIMENT)]


@pytest.fixture(scope="module")
def broken(first, root):
    """The sweep ``broken``: stopped after a trial or two, killed after one more, then finished."""
    runs, resume = first.runs, ["--resume", "--name", "broken"]
    terminal = Terminal(runs.command("--name", "broken"), runs.environment, root)
    terminal.read(r"[1-6]/6 trials")
    [status] = json.loads(runs.done("--status", "broken", "--json"))
    second = runs.search(runs.space, *resume)
    stop = runs.search("--stop", "broken")
    terminal.read(None)
    _, errors = terminal.process.communicate()
    os.close(terminal.main)
    report = runs.out / "broken" / "report"
    story = Story(
        pid=terminal.process.pid,
        status=status,
        second=second,
        stop=stop,
        shown=terminal.text.replace("\r\n", "\n"),
        errors=errors,
        code=terminal.process.returncode,
        listed=runs.done("--list"),
        status_after=runs.done("--status", "broken"),
        second_stop=runs.search("--stop", "broken"),
        outcomes_when_stopped=outcomes_of(runs),
        page_when_stopped=(report / "index.html").read_text(),
        was_tested=(report / "finalists.json").exists(),
    )
    next_one = f"[{story.outcomes_when_stopped.count('finished') + 1}/6]"
    with subprocess.Popen(
        runs.command(*resume), cwd=root, env=runs.environment, stdout=subprocess.PIPE, text=True
    ) as process:
        while (line := process.stdout.readline()) and next_one not in line:
            pass
        kill_all(process)
    story.resumed = runs.done(runs.space, *resume)
    return story


def test_another_terminal_sees_how_it_stands(broken):
    seen = broken.status
    assert (seen["state"], seen["trials_planned"], seen["metric"]) == ("running", 6, "val/accuracy")
    assert seen["holder"]["pid"] == broken.pid
    assert seen["outcomes"]["finished"] >= 1 and seen["outcomes"]["running"] >= 1
    assert seen["epochs"] + seen["epochs_left"] == 18
    assert 0 < seen["best"] <= 1


def test_a_second_process_may_not_run_it(broken):
    assert broken.second.returncode == 2
    assert f"process {broken.pid} on" in broken.second.stderr and broken.second.stderr.count("\n") == 1


def test_its_live_table_shows_trials_until_it_is_stopped_with_a_report(broken, first):
    assert (broken.stop.returncode, broken.stop.stderr) == (0, "")
    assert f"asked process {broken.pid} on" in broken.stop.stdout
    assert broken.code == 130, broken.shown + broken.errors
    assert "running" in broken.shown and "images/s" in broken.shown
    assert re.search(r"[01]/6 trials", broken.shown)
    assert f"report: {first.runs.out}/broken/report/index.html" in broken.shown
    assert re.search(r"go on with: \S*python\S* -m platform\.search", broken.errors)
    assert "--resume --name broken" in broken.errors
    assert "finished" in broken.outcomes_when_stopped and "running" not in broken.outcomes_when_stopped
    assert "Test was not scored: the sweep is unfinished" in broken.page_when_stopped
    assert not broken.was_tested


def test_list_and_status_say_that_it_was_interrupted(broken, first):
    listed = broken.listed.splitlines()
    assert listed[0].split()[:2] == ["sweep", "state"]
    [row] = [line.split() for line in listed if line.startswith("broken")]
    assert row[:3] == ["broken", "interrupted", "val/accuracy"]
    assert broken.status_after.startswith("sweep broken: interrupted\ntrials: ")
    assert broken.second_stop.returncode == 2
    where = f"{first.runs.out}/broken"
    assert broken.second_stop.stderr == f"{where}: no process runs this sweep, so there is none to stop\n"


def test_it_goes_on_after_each_trial_that_had_ended(broken):
    counts = re.findall(r"\[(\d)/6\] trial \d+ finished: .*, 3/3 epochs", broken.resumed)
    assert broken.outcomes_when_stopped.count("finished") < 5, "it was stopped too late to be killed after"
    ended = 6 - len(counts)
    assert ended > broken.outcomes_when_stopped.count("finished"), "it was killed before it went on"
    assert counts == [str(count) for count in range(ended + 1, 7)]


def test_it_ends_as_an_unbroken_one(broken, first):
    def measured(sweep):
        table = first.runs.table(sweep).sort_values("trial")
        return table.filter(regex="^(trial$|method|optim|val/accuracy)").reset_index(drop=True)

    pd.testing.assert_frame_equal(measured("broken"), measured("first"))
    kept = json.loads((first.runs.out / "broken" / "report" / "finalists.json").read_text())
    assert len(kept["scorings"]) == 1


def test_mlflow_has_each_trial_and_epoch_once(broken, first):
    runs = first.runs.trials_in_mlflow("broken", EXPERIMENT)
    assert [run.info.run_name for run in runs] == [f"broken/000{number}" for number in range(6)]
    assert {run.data.tags["outcome"] for run in runs} == {"finished"}
    for run in runs:
        assert first.runs.epochs_in_mlflow(run) == [1, 2, 3]
    again = {run.data.tags["trial_id"] for run in runs if run.data.tags["attempt"] != "1"}
    if "interrupted" in broken.outcomes_when_stopped:  # it may have come between two trials
        assert again
