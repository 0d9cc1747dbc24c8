"""Sweeps of digits of half a minute as processes of their own; what of their tables is always the same."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from platform.tuning.folder.sweep_folder import SweepFolder

SPACE = """
epochs: 3
batch_size: 64
image_size: 8
data: {source: digits}
model: {backbone: test_resnet}
method: {name: cross_entropy, label_smoothing: {uniform: [0.0, 0.3]}}
schedule: {name: constant, warmup_epochs: 0}
"""


def own_state(place: Path) -> dict[str, str]:
    """The environment of commands whose MLflow and record of addresses lie in ``place``."""
    own = {"MLFLOW_TRACKING_URI": f"sqlite:///{place}/mlflow.db", "XDG_STATE_HOME": str(place / "state")}
    return {**os.environ, **own}


def start(
    place: Path, kind: str, name: str, settings: Sequence[str], environment: Mapping[str, str] | None = None
) -> "subprocess.Popen[bytes]":
    """The same command begins the sweep ``name`` of ``kind``.yaml and resumes it; it writes to NAME.log."""
    line = ["-m", "platform.search", str(place / f"{kind}.yaml"), "--name", name, "--resume", "auto"]
    where = ["--out", str(place / "runs"), *settings]
    with (place / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            [sys.executable, *line, *where],
            env={**own_state(place), **(environment or {})},
            stdout=log,
            stderr=log,
        )


def end(process: "subprocess.Popen[bytes]", log: Path, seconds: float | None = None) -> None:
    """Wait for a sweep that must end well."""
    if process.wait(seconds) != 0:
        raise SystemExit(
            f"a sweep ended with {process.returncode}:\n{log.read_text(encoding='utf-8')[-2000:]}"
        )


def table_of(folder: SweepFolder) -> pd.DataFrame:
    """trials.csv without what takes time, or says when and where."""
    table = pd.read_csv(folder.trials_csv, dtype=str)
    kept = ("trial", "outcome", "confirms", "epochs")
    values = [
        name for name in map(str, table) if name in kept or name.startswith(("val/", "method.", "optim."))
    ]
    return table[values].sort_values("trial").reset_index(drop=True)
