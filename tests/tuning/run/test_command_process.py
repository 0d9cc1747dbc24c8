"""A command runs the code of the checkout that it is told, wherever it runs."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from platform.tuning.run import command_process
from platform.tuning.run.command_process import run_command


def checkout(folder: Path, name: str) -> Path:
    (folder / "planted").mkdir(parents=True)
    (folder / "planted" / "__init__.py").touch()
    program = f"import sys\nprint('this is {name}', sys.argv[1:])\nsys.exit('the end of {name}')\n"
    (folder / "planted" / "command.py").write_text(program)
    return folder


def test_the_module_is_that_of_the_checkout_even_in_another_one(tmp_path, monkeypatch):
    other = checkout(tmp_path / "other", "the commit")
    monkeypatch.chdir(checkout(tmp_path / "here", "this folder"))
    log = tmp_path / "log.txt"
    ended = run_command("planted.command", ["--name", "x"], log, lambda: None, root=other)
    assert (ended.code, ended.last_line, ended.stopped) == (1, "the end of the commit", None)
    assert "this is the commit ['--name', 'x']" in log.read_text()


DEAF = """
import signal, sys, time
from pathlib import Path
begun = Path(sys.argv[1])
if begun.exists():
    sys.exit(0 if Path(sys.argv[1] + ".ended").exists() else "the first one still runs")
heard = []
signal.signal(signal.SIGINT, lambda *_: heard.append(1))
begun.touch()
while len(heard) < 2:
    time.sleep(0.05)
Path(sys.argv[1] + ".ended").touch()
"""
"""A command that loses the first SIGINT, as one does that is importing."""


def test_the_command_of_a_run_due_that_was_killed_ends_before_the_next_begins(tmp_path, monkeypatch, root):
    other = checkout(tmp_path / "other", "x")
    (other / "planted" / "command.py").write_text(DEAF)
    begun, log = tmp_path / "begun", tmp_path / "log.txt"
    program = (
        "import sys\nfrom pathlib import Path\nfrom platform.tuning.run.command_process import run_command\n"
        "begun, log, root = sys.argv[1:]\n"
        "run_command('planted.command', [begun], Path(log), lambda: None, root=Path(root))"
    )
    environment = {**os.environ, "PYTHONPATH": str(root)}
    arguments = [str(begun), str(log), str(other)]
    killed = subprocess.Popen([sys.executable, "-c", program, *arguments], env=environment)
    while not begun.exists():
        assert killed.poll() is None
        time.sleep(0.05)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    monkeypatch.setattr(command_process, "ASKED_AGAIN_S", 1.0)
    ended = run_command("planted.command", [str(begun)], log, lambda: None, root=other)
    assert (ended.code, ended.last_line) == (0, "")
