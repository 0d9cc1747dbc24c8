"""Peer-learning against plain cross-entropy on CIFAR-10N's ``worse`` labels, 40 % of which are wrong.

    python -m tests.benchmarks.noisy_labels ../shared/data/cifar10n.zip [--out curves.json] [--smallest]

Both methods train the same network for the same number of epochs with the same augmentation. Each is tuned
with the same number of random trials on the noisy validation labels, then run with three seeds. The table
shows the accuracy on the clean test images in the epoch that is best on the noisy validation labels, in the
last epoch, and as the mean of the last three. Takes about an hour on two cores.
"""

import csv
import json
import math
import statistics
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.data import Data
from platform.datasets.preparation.prepare import prepare
from platform.training.evaluation.prediction import eval_loader, network_probabilities
from platform.training.loop.trainer import Trainer
from platform.training.trial.trial_config import TrialConfig

from .figures import benchmark_parser, check_possible

VAL_SHARE = 0.6  # few training images, so that memorising them takes few epochs
METHODS = ("cross_entropy", "peer")
SMALLEST_IMAGES = 200  # of each table of labels


@dataclass(frozen=True)
class Size:
    epochs: int
    tuning_epochs: int
    tuning_trials: int
    seeds: tuple[int, ...]


FULL = Size(epochs=40, tuning_epochs=15, tuning_trials=4, seeds=(1, 2, 3))
SMALLEST = Size(epochs=1, tuning_epochs=1, tuning_trials=1, seeds=(1, 2))


@cache
def images(source: str) -> Data:
    section = {"source": source, "label": "worse", "clean_label": "clean", "val_share": VAL_SHARE}
    return prepare(DataConfig.model_validate(section), 32)


def trial(method: str, epochs: int, seed: int, settings: dict[str, float]) -> TrialConfig:
    own = {"drop_rate": settings["drop_rate"], "ramp_epochs": min(4, epochs)} if method == "peer" else {}
    return TrialConfig.model_validate(
        {
            "seed": seed,
            "epochs": epochs,
            "batch_size": 128,
            "image_size": 32,
            "augment": {"crop": "none", "horizontal_flip": 0.5},
            "channels_last": True,
            "model": {"backbone": "test_byobnet"},
            "method": {"name": method, **own},
            "optim": {"lr": settings["lr"], "weight_decay": settings["weight_decay"]},
        }
    )


def run(
    source: str, method: str, epochs: int, seed: int, settings: dict[str, float]
) -> list[dict[str, float]]:
    """Each epoch's validation accuracy (noisy labels), training fit and accuracy on clean test images."""
    data = images(source)
    trainer = Trainer(trial(method, epochs, seed, settings), data, threads=1)
    history = []
    for _ in range(epochs):
        metrics = trainer.train_epoch()
        kept = {name: metrics[name] for name in ("val/accuracy", "train/memorisation", "noise/memorisation")}
        history.append(kept | {"test": test_accuracy(trainer, data)})
    return history


def test_accuracy(trainer: Trainer, data: Data) -> float:
    config = trainer.stage.config
    loader = eval_loader(
        data,
        "test",
        batch_size=config.batch_size,
        image_size=config.image_size,
        whole=config.augment.sees_whole,
        normalisation=trainer.normalisation,
        device=trainer.device,
    )
    probabilities_MNC = network_probabilities(
        trainer.evaluated_networks, loader, precision=trainer.precision, channels_last=True
    )
    return float((probabilities_MNC.mean(0).argmax(1) == data.clean("test")).mean())


def samples(method: str, count: int) -> list[dict[str, float]]:
    """Random settings, with the same learning rates and weight decays for both methods."""
    random = np.random.default_rng(0)
    drawn = [
        {
            "lr": math.exp(random.uniform(math.log(0.02), math.log(0.3))),
            "weight_decay": math.exp(random.uniform(math.log(1e-4), math.log(2e-3))),
            "drop_rate": random.uniform(0.2, 0.5),
        }
        for _ in range(count)
    ]
    return drawn if method == "peer" else [{**one, "drop_rate": 0.0} for one in drawn]


def shrink(source: str, folder: Path) -> str:
    """A copy of the zip with ``SMALLEST_IMAGES`` rows of each table of labels and their images."""
    smaller = folder / "smaller.zip"
    with zipfile.ZipFile(source) as full, zipfile.ZipFile(smaller, "w") as copy:
        for table in ("train_labels.csv", "test_labels.csv"):
            head, *rows = full.read(table).decode().splitlines()
            lines = [head, *rows[:: len(rows) // SMALLEST_IMAGES]]  # the test images are sorted by class
            copy.writestr(table, "\n".join(lines))
            for row in csv.DictReader(lines):
                copy.writestr(row["path"], full.read(row["path"]))
    return str(smaller)


def tuned_curves(source: str, size: Size) -> dict[str, Any]:
    """By method the best settings and, with these, every epoch of each seed's run."""
    curves: dict[str, Any] = {}
    with ProcessPoolExecutor(2, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        tuning = {
            method: [
                pool.submit(run, source, method, size.tuning_epochs, 0, settings)
                for settings in samples(method, size.tuning_trials)
            ]
            for method in METHODS
        }
        for method in METHODS:
            accuracies = [max(epoch["val/accuracy"] for epoch in one.result()) for one in tuning[method]]
            best = samples(method, size.tuning_trials)[accuracies.index(max(accuracies))]
            print(f"{method}: best of {accuracies} on noisy validation labels: {best}", file=sys.stderr)
            curves[method] = {
                "settings": best,
                "runs": [pool.submit(run, source, method, size.epochs, seed, best) for seed in size.seeds],
            }
        for method in METHODS:
            curves[method]["runs"] = [one.result() for one in curves[method]["runs"]]
    return curves


def main(arguments: Sequence[str] | None = None) -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("source", help="cifar10n.zip")
    parser.add_argument("--out", type=Path, help="also write every epoch of the seeds' runs here, as JSON")
    options = parser.parse_args(arguments)
    if options.smallest:
        with tempfile.TemporaryDirectory() as folder:
            curves = tuned_curves(shrink(options.source, Path(folder)), SMALLEST)
    else:
        curves = tuned_curves(options.source, FULL)
    if options.out:
        options.out.write_text(json.dumps(curves), encoding="utf-8")
    table = Table("clean test accuracy", "best", "last", "mean of last 3", "wrong labels fitted at the end")
    for method in METHODS:
        table.add_row(method, *cells(curves[method]["runs"]))
        check_possible(
            {f"{method}, clean test accuracy": min(run[-1]["test"] for run in curves[method]["runs"])}
        )
    Console(width=110).print(table)
    return 0


def cells(runs: list[list[dict[str, float]]]) -> list[str]:
    best = [max(history, key=lambda epoch: epoch["val/accuracy"])["test"] for history in runs]
    last = [history[-1]["test"] for history in runs]
    mean = [statistics.mean(epoch["test"] for epoch in history[-3:]) for history in runs]
    fitted = [history[-1]["noise/memorisation"] for history in runs]
    return [
        f"{statistics.mean(each):.3f} ± {statistics.stdev(each):.3f}" for each in (best, last, mean, fitted)
    ]


if __name__ == "__main__":
    sys.exit(main())
