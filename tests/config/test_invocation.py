"""Printed commands run where they are printed; launchers run in any folder; missing packages are one line."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from platform.config.invocation import ROOT, command_line, script_line
from platform.launchers import write_launchers

MODULES = ("platform.search", "platform.data", "reports")


def run(command: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        command, shell=True, cwd=folder, env=inherited | environment, capture_output=True, text=True
    )


@pytest.fixture
def environment_elsewhere(tmp_path):
    """A virtual environment with the packages of this one and launchers of its own."""
    folder = tmp_path / "an environment"
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    shutil.copy(Path(sys.prefix) / "pyvenv.cfg", folder)
    (folder / "lib").symlink_to(Path(sys.prefix) / "lib")
    write_launchers(folder / "bin")
    return folder


@pytest.mark.parametrize("module", MODULES)
def test_a_printed_command_runs_in_the_checkout_and_elsewhere(module, root, tmp_path, monkeypatch):
    for folder in (root, tmp_path):
        monkeypatch.chdir(folder)
        done = run(f"{command_line(module)} --help", folder)
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith("usage: ")


def test_a_printed_command_is_as_short_as_it_can_be(root, monkeypatch):
    monkeypatch.chdir(root)
    python = Path(sys.prefix) / "bin" / "python"
    monkeypatch.setattr(sys, "executable", str(python))
    near = python.relative_to(root) if python.is_relative_to(root) else python
    assert command_line("reports", Path("runs/my sweep")) == f"{near} -m reports 'runs/my sweep'"
    line = f"PATH={python.parent}:\"$PATH\" A='b c' {near.parent}/mlflow ui"
    assert script_line("mlflow", "ui", environment={"A": "b c"}) == line


def test_a_printed_script_finds_the_others_of_its_environment(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run(
        script_line("python", "-c", "import shutil; print(shutil.which('uvicorn'))"), tmp_path, PATH="/bin"
    )
    assert done.stdout.strip() == str(Path(sys.executable).with_name("uvicorn")), done.stderr


def test_launchers_run_in_any_folder_and_name_themselves(environment_elsewhere, tmp_path):
    for name in ("platform-search", "platform-data", "platform-reports"):
        done = run(f"'{environment_elsewhere}/bin/{name}' --help", tmp_path)
        assert done.returncode == 0, done.stderr
        assert f"an environment/bin/{name}'" in done.stdout
    (tmp_path / "platform").mkdir()  # a folder of that name where you stand is no obstacle
    done = run(f"'{environment_elsewhere}/bin/platform-search' --list", tmp_path)
    assert (done.returncode, done.stdout) == (0, "no sweep in runs/\n"), done.stderr


def test_a_launcher_of_a_checkout_that_moved_says_so(tmp_path):
    (tmp_path / "bin").mkdir()
    search = write_launchers(tmp_path / "bin", tmp_path / "gone")[0]
    done = run(str(search), tmp_path)
    assert done.returncode == 2
    assert "run make in its new place" in done.stderr


@pytest.mark.parametrize("module", MODULES)
def test_without_the_packages_a_command_answers_in_a_line(module, root):
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}"
    done = run(f"{base} -S -m {module} runs/x", root)
    assert done.returncode == 2
    assert "does not have the packages pydantic" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_the_root_is_the_checkout(root):
    assert root == ROOT
