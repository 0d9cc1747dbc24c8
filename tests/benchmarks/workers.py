"""How much faster a trial trains that two workers share, a core each, than one worker on one core.

    python -m tests.benchmarks.workers [--rounds 3]

Sweeps of one trial as a user starts them: Peer-learning of two ``convnext_atto`` on digits at 32 px, which
have no batch norm: on CPUs its statistics are a worker's own, so that the updates would differ. What counts
is the images a second that the trial itself logs while it trains, in its second and last epoch; the whole
sweep, with Ray's and the workers' start, is shown apart. Exits with 1 where both do not end with the same
metric.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient

ROOT = Path(__file__).resolve().parents[2]
SPACE = """
name: scaling
epochs: 2
batch_size: 64
image_size: 32
data: {source: digits, noise: {kind: symmetric, rate: 0.3}}
model: {backbone: convnext_atto}
method: {name: peer, ramp_epochs: 1}
optim: {name: adamw, lr: 0.001}
schedule: {name: constant, warmup_epochs: 0}
"""
AGREE = 0.01
"""Accuracy is of 180 images: sums in another order may tip the one that two classes are as likely for."""


@dataclass(frozen=True)
class Run:
    images_per_s: float
    whole_s: float
    accuracy: float


def train(workers: int) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        space, uri = Path(folder) / "space.yaml", f"sqlite:///{folder}/mlflow.db"
        space.write_text(SPACE)
        command = [
            sys.executable,
            "-m",
            "platform.search",
            str(space),
            "--out",
            folder,
            f"resources.workers={workers}",
        ]
        started = time.perf_counter()
        environment = os.environ | {"MLFLOW_TRACKING_URI": uri}
        subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
        whole_s = time.perf_counter() - started
        client = MlflowClient(uri)
        experiment = client.get_experiment_by_name("scaling")
        runs = client.search_runs([experiment.experiment_id], "tags.trial_id = '0000'")
        last = runs[0].data.metrics
        return Run(last["time/images_per_s"], whole_s, last["val/accuracy"])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="sweeps of each")
    rounds = [{workers: train(workers) for workers in (1, 2)} for _ in range(parser.parse_args().rounds)]
    ratio = statistics.median(each[2].images_per_s / each[1].images_per_s for each in rounds)
    print(
        f"{'workers':>8}{'images/s':>10}{'speed':>8}{'efficiency':>12}{'whole sweep':>13}{'val/accuracy':>14}"
    )
    for workers, speed in ((1, 1.0), (2, ratio)):
        images, whole = (
            statistics.median(getattr(each[workers], name) for each in rounds)
            for name in ("images_per_s", "whole_s")
        )
        accuracy = rounds[0][workers].accuracy
        print(f"{workers:8}{images:10,.0f}{speed:8.2f}{speed / workers:12.2f}{whole:11.0f} s{accuracy:14.3f}")
    return 0 if all(abs(each[1].accuracy - each[2].accuracy) <= AGREE for each in rounds) else 1


if __name__ == "__main__":
    sys.exit(main())
