"""A plan that needs secrets, a home of the test's own, and small programs in place of the system's."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from platform.nights.plan.plan_config import PlanConfig

SECRET = "https://hooks.example.org/very-secret"


@pytest.fixture
def plan():
    return PlanConfig.model_validate(
        {
            "time_zone": "Europe/Berlin",
            "notify": {"to": [{"webhook": "$CHAT_URL"}], "alive": "${ALIVE_URL}"},
            "nights": {"digits": {"at": "30 22 * * 1-5", "canary": {"space": "champion.yaml"}}},
        }
    )


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """Nothing of the user who runs the tests is read or written."""
    folder = tmp_path / "home of a % user"
    folder.mkdir()
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder / ".config"))
    monkeypatch.setenv("CHAT_URL", SECRET)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def plan_file(home):
    (home / "digits.yaml").touch()
    return home / "digits.yaml"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """``programs(name, script)``: a shell script on PATH, before the system's own programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def add(name: str, script: str) -> Path:
        file = folder / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)
        return file

    return add


@pytest.fixture
def no_programs(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))


@pytest.fixture
def said():
    """What was said, a line each; ``said.append`` is what says it."""
    return []
