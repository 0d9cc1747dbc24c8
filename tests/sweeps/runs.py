"""A folder in which sweeps are run, and what is read from it afterwards."""

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
from mlflow import MlflowClient
from mlflow.entities import Run

from platform.search import main
from tests.forked import run_forked

SECRETS = ("AWS_SECRET_ACCESS_KEY", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN", "PGPASSWORD")
PLANTED = "correct-horse-battery-staple"
"""The value of these variables while the first sweep runs."""


@dataclass(frozen=True)
class Runs:
    """A folder with an MLflow database and ``space.yaml``; the sweeps that are run go into ``out``."""

    path: Path
    out: Path
    environment: dict[str, str] = field(repr=False)

    @property
    def space(self) -> Path:
        return self.path / "space.yaml"

    def command(self, *arguments: str | Path) -> list[str]:
        """``python -m platform.search`` on the space, for a process that a test starts itself."""
        return [sys.executable, "-m", "platform.search", *self._line([self.space, *arguments])]

    def search(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """The same command in a forked process, to its end; the space must be named."""
        return run_forked(main, self._line(arguments), self.environment, self.path)

    def done(self, *arguments: str | Path) -> str:
        """What a command that must succeed prints to stdout."""
        result = self.search(*arguments)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout

    def _line(self, arguments: Sequence[str | Path]) -> list[str]:
        return [*map(str, arguments), "--out", str(self.out)]

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(self.environment["MLFLOW_TRACKING_URI"])

    def trials_in_mlflow(self, sweep: str, experiment: str) -> list[Run]:
        """The runs of a sweep's trials, in the order of their numbers."""
        of_experiment = self.client.get_experiment_by_name(experiment)
        assert of_experiment is not None
        runs = self.client.search_runs([of_experiment.experiment_id], f"tags.sweep = '{sweep}'")
        trials = [run for run in runs if "mlflow.parentRunId" in run.data.tags]
        return sorted(trials, key=lambda run: run.data.tags["trial_id"])

    def epochs_in_mlflow(self, run: Run) -> list[int]:
        """The epochs of which MLflow has a validation accuracy, in the order in which they were logged."""
        return [one.step for one in self.client.get_metric_history(run.info.run_id, "val/accuracy")]

    def table(self, sweep: str) -> pd.DataFrame:
        """The sweep's trials.csv."""
        types = {"trial": str, "confirms": str, "beaten_by": str}
        return pd.read_csv(self.out / sweep / "trials.csv", dtype=types)
