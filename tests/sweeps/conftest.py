"""Whole sweeps that several tests look at: each is run once, and its tests run in one process."""

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.sweeps.runs import PLANTED, SECRETS, Runs


@pytest.fixture(scope="session")
def new_runs(tmp_path_factory: pytest.TempPathFactory, empty_mlflow: Path) -> Callable[..., Runs]:
    """``new_runs("budget", SPACE, out=None, **variables)``: a folder of its own with that space."""

    def make(name: str, space: str, *, out: Path | None = None, **variables: str) -> Runs:
        path = tmp_path_factory.mktemp(name)
        shutil.copy(empty_mlflow, path / "mlflow.db")
        (path / "space.yaml").write_text(space, encoding="utf-8")
        uri = f"sqlite:///{path}/mlflow.db"
        return Runs(path, out or path / "runs", {**os.environ, "MLFLOW_TRACKING_URI": uri, **variables})

    return make


@pytest.fixture(scope="session")
def checkout(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This code in a git of its own, where all of it is committed."""
    folder = tmp_path_factory.mktemp("code") / "checkout"
    for part in ("platform", "reports"):
        shutil.copytree(root / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "requirements.lock", folder)
    (folder / ".gitignore").write_text("__pycache__/\n")
    git = ["git", "-C", str(folder), "-c", "user.name=test", "-c", "user.email=test@example.org"]
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "All"]):
        subprocess.run([*git, *words], check=True)
    return folder


FIRST = """
experiment: noisy digits
epochs: 3
batch_size: 64
image_size: 8
data: {source: digits, noise: {kind: symmetric, rate: 0.3}}
model: {backbone: test_resnet}
method: {name: cross_entropy, label_smoothing: {uniform: [0.0, 0.3]}}
optim: {lr: {loguniform: [1e-3, 1e-1]}}
schedule: {name: constant, warmup_epochs: 0}
search: {trials: 6, sampler: {name: curves, n_startup_trials: 2}, scheduler: {name: none}}
resources: {max_concurrent_trials: 1}
"""


@dataclass(frozen=True)
class FirstSweep:
    """A sweep called ``first``, run from ``checkout`` as a user runs it, and what it printed."""

    runs: Runs
    checkout: Path
    result: subprocess.CompletedProcess[str]

    @property
    def folder(self) -> Path:
        return self.runs.out / "first"

    def run(self, *line: str | Path) -> subprocess.CompletedProcess[str]:
        """A command line, run with the committed code."""
        environment = {**self.runs.environment, "PYTHONPATH": str(self.checkout)}
        return subprocess.run(line, cwd=self.checkout, env=environment, capture_output=True, text=True)


@pytest.fixture(scope="session")
def first(new_runs: Callable[..., Runs], checkout: Path) -> FirstSweep:
    """Nobody may change it; sweeps with other names may be run beside it."""
    runs = new_runs("first", FIRST, **dict.fromkeys(SECRETS, PLANTED))
    environment = {**runs.environment, "PYTHONPATH": str(checkout)}
    line = runs.command("--name", "first")
    result = subprocess.run(line, cwd=checkout, env=environment, capture_output=True, text=True)
    return FirstSweep(runs, checkout, result)
