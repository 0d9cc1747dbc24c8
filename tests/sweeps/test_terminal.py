"""A sweep in a real terminal of 80 columns: what is seen while it runs, and what Ctrl-C answers."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import time

import pytest

pytestmark = pytest.mark.sweep

SPACE = """
epochs: 400
batch_size: 2
image_size: 8
data: {source: digits}
model: {backbone: test_resnet}
method: {name: cross_entropy, label_smoothing: {uniform: [0.0, 0.3]}}
optim: {lr: {loguniform: [1e-3, 1e-1]}}
schedule: {name: constant, warmup_epochs: 0}
search: {trials: 2, scheduler: {name: none}}
resources: {max_concurrent_trials: 1}
"""
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
COLUMNS = 80


class Terminal:
    """A command in a terminal of its own, and all that it has shown."""

    def __init__(self, command, environment, folder):
        self.screen, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, COLUMNS, 0, 0))
        self.shown = ""
        self.process = subprocess.Popen(
            command,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            env=environment,
            cwd=folder,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(terminal)

    def wait_for(self, pattern, seconds):
        """What matched, and how many seconds it took to appear."""
        started, place = time.monotonic(), len(self.shown)
        while not (match := re.search(pattern, self.shown[place:])):
            assert self._read() and time.monotonic() - started < seconds, self.shown[-3000:]
        return match, time.monotonic() - started

    def press_control_c(self):
        os.write(self.screen, b"\x03")

    def end(self):
        while self._read():
            pass
        return self.process.wait(60)

    def _read(self):
        try:
            content = os.read(self.screen, 65536)
        except OSError:  # the command has ended
            return False
        self.shown += ESCAPES.sub("", content.decode(errors="replace")).replace("\r", "\n")
        return bool(content)


def test_a_terminal_shows_the_epoch_going_on_and_control_c_is_answered_at_once(new_runs, root):
    runs = new_runs("terminal", SPACE)
    variables = {**runs.environment, "TERM": "xterm-256color"}
    variables.pop("COLUMNS", None)
    command = [sys.executable, "-m", "platform.search", str(runs.path / "space.yaml"), "--out", str(runs.out)]
    terminal = Terminal(command, variables, root)
    terminal.wait_for(r"trial state +epoch +best +last images/s elapsed +label_smoothing +\+1", 120)
    terminal.wait_for(r"0000 +starting +0/400 ─{5} +– +– +– +–", 60)
    row, _ = terminal.wait_for(r"0000 +running +0/400 (━+)(─*) +– +– +[\d,]+ +\d:\d\d.*", 120)
    assert len(row[1] + row[2]) == 5
    terminal.wait_for(r"0000\* running +1/400 [━─]{5} 0\.\d{4} 0\.\d{4}", 120)
    terminal.press_control_c()
    _, seconds = terminal.wait_for(r"stopping: waiting for trial 0000 \(epoch \d+\)", 60)
    assert seconds < 10  # a trial of 400 epochs would take minutes
    assert terminal.end() == 130
    assert "evaluating checkpoint 1 of 1 (trial 0000)" in terminal.shown
    assert "report: " in terminal.shown
    go_on = re.search(r"go on with: (.+ --resume .+)", terminal.shown)
    assert go_on is not None and go_on[1].startswith(os.path.relpath(sys.executable, root))
    lines = terminal.shown.splitlines()
    assert max(len(line.rstrip()) for line in lines if line.startswith("0000")) <= COLUMNS
