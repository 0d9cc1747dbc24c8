"""Training speed of a trial with two workers, a core each, compared with one worker on one core.

    python -m tests.benchmarks.workers [--rounds 3] [--smallest]

Each sweep has one trial: Peer-learning of two ``convnext_atto`` on digits at 32 px. These have no batch norm,
whose statistics on CPUs are per worker, so that the updates would differ. The speed is the images/s that the
trial logs in its second and last epoch; the time of the whole sweep, with Ray's and the workers' start, is
shown separately. Exits with 1 if both do not end with the same accuracy.
"""

import io
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from mlflow import MlflowClient

from platform.search import main as search

from .figures import benchmark_parser, check_possible

SMALLEST = (
    "model.backbone=test_convnext",
    "data.max_images=400",
    "report={top: 1, max_members: 1, views: [], soup: false}",
)
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
"""Accuracy is over 180 images: another order of the sums may change one with two equally likely classes."""


@dataclass(frozen=True)
class Run:
    images_per_s: float
    whole_s: float
    accuracy: float


def train(workers: int, overrides: Sequence[str]) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        space, uri = Path(folder) / "space.yaml", f"sqlite:///{folder}/mlflow.db"
        space.write_text(SPACE)
        os.environ["MLFLOW_TRACKING_URI"] = uri
        started = time.perf_counter()
        with redirect_stdout(io.StringIO()) as output:
            exit_code = search([str(space), "--out", folder, f"resources.workers={workers}", *overrides])
        whole_s = time.perf_counter() - started
        if exit_code:
            raise SystemExit(f"the sweep with {workers} workers ended with {exit_code}: {output.getvalue()}")
        client = MlflowClient(uri)
        experiment = client.get_experiment_by_name("scaling")
        assert experiment is not None
        runs = client.search_runs([experiment.experiment_id], "tags.trial_id = '0000'")
        last = runs[0].data.metrics
        return Run(last["time/images_per_s"], whole_s, last["val/accuracy"])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="sweeps of each")
    options = parser.parse_args(arguments)
    overrides = SMALLEST if options.smallest else ()
    rounds = [
        {workers: train(workers, overrides) for workers in (1, 2)}
        for _ in range(1 if options.smallest else options.rounds)
    ]
    check_possible(
        {f"images/s of {workers}": each[workers].images_per_s for each in rounds for workers in each}
    )
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
