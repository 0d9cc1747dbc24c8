"""Predictions of eight checkpoints for a folder of JPEGs, compared with eight passes of a plain loop.

    python -m tests.benchmarks.ensembles [--rounds 3] [--smallest]

1. Validation predictions of eight checkpoints (``test_resnet``, two networks each) at 64 px on 600 JPEGs of
   500 x 375 px. Ours decodes the images once and predicts with each checkpoint. The reference runs
   torchvision's ``ImageFolder`` and a ``DataLoader`` without workers once for each checkpoint. Both compute
   with one thread and take turns; the ratio is the median of the rounds. A second report reads the
   predictions that the first one kept; its time is shown separately. The goal is 3 times as fast.
2. Greedy selection over 50 candidates x 10,000 images x 100 classes: at most 5 s of CPU and 4 GB.

Exits with 1 if a goal is missed.
"""

import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from platform.datasets.augmentation.augment import AugmentConfig
from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.data import Data
from platform.datasets.preparation.prepare import prepare
from platform.storage.folder import Folder
from platform.training.checkpoints.loading import load_predictor
from platform.training.loop.trainer import Trainer
from platform.training.loop.trainer_checkpoints import save_checkpoint
from platform.training.trial.trial_config import TrialConfig
from reports.ensembles.rules import greedy
from reports.evaluation.predictions import kept_prediction

from .figures import benchmark_parser, check_possible
from .input_pipeline import Case, make_folder

IMAGE_SIZE = 64  # px
GOAL = 3.0
MOST_S, MOST_BYTES = 5.0, 4e9
TRIAL = f"""{{
  "epochs": 1, "batch_size": 64, "image_size": {IMAGE_SIZE}, "precision": "fp32",
  "model": {{"backbone": "test_resnet"}}, "method": {{"name": "peer", "ramp_epochs": 1}}
}}"""


@dataclass(frozen=True)
class Size:
    checkpoints: int
    images: int
    candidates: int
    samples: int
    classes: int


FULL = Size(checkpoints=8, images=600, candidates=50, samples=10_000, classes=100)
SMALLEST = Size(checkpoints=2, images=40, candidates=4, samples=500, classes=5)


def prepared(images: Path) -> Data:
    """Nine tenths of the images are validation: the benchmark predicts them."""
    return prepare(DataConfig(source=str(images), val_share=0.9), IMAGE_SIZE)


def make_checkpoints(data: Data, folder: Path, count: int) -> list[Path]:
    config = TrialConfig.model_validate_json(TRIAL)
    checkpoints = [folder / f"checkpoint_{seed:06d}" for seed in range(count)]
    for seed, checkpoint in enumerate(checkpoints):
        save_checkpoint(checkpoint, Trainer(config.model_copy(update={"seed": seed}), data, threads=1))
    return checkpoints


def ours(images: Path, checkpoints: list[Path], kept: Path) -> None:
    data = prepared(images)
    for checkpoint in checkpoints:
        kept_prediction(Folder.of(checkpoint), checkpoint.name, data, kept)


def plain(images: Path, checkpoints: list[Path]) -> None:
    for checkpoint in checkpoints:
        predictor = load_predictor(checkpoint)
        norm = transforms.Normalize(predictor.normalisation.mean, predictor.normalisation.std)
        steps = transforms.Compose(
            [transforms.Resize(IMAGE_SIZE), transforms.CenterCrop(IMAGE_SIZE), transforms.ToTensor(), norm]
        )
        loader = DataLoader(ImageFolder(str(images), steps), batch_size=128)
        with torch.no_grad():
            for batch, _ in loader:
                for network in predictor.networks:
                    network(batch).softmax(1)


def seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def compare_predictions(size: Size, rounds: int) -> float:
    """Print the times; how many times as fast as the plain passes ours is."""
    with tempfile.TemporaryDirectory() as name:
        images = Path(name) / "images"
        images.mkdir()
        make_folder(images, Case(IMAGE_SIZE, size.images, (375, 500), AugmentConfig(), [], 0))
        checkpoints = make_checkpoints(prepared(images), Path(name), size.checkpoints)
        times = []
        for turn in range(rounds):
            report = partial(ours, images, checkpoints, Path(name) / f"kept_{turn}")
            times.append((seconds(report), seconds(partial(plain, images, checkpoints)), seconds(report)))
    ratio = statistics.median(reference / own for own, reference, _ in times)
    own, reference, again = (statistics.median(each) for each in zip(*times, strict=True))
    print(
        f"{size.checkpoints} checkpoints, {size.images} images: ours {own:.1f} s, "
        f"plain passes {reference:.1f} s,"
    )
    print(f"  {ratio:.1f} times as fast; a second report {again:.1f} s")
    check_possible({"ours": own, "plain passes": reference, "a second report": again})
    return ratio


def select(size: Size) -> tuple[float, float]:
    """Print and return the CPU seconds of a greedy selection and the process's peak memory in bytes."""
    random = np.random.default_rng(0)
    labels_N = random.integers(size.classes, size=size.samples)
    logits_KNC = random.standard_normal((size.candidates, size.samples, size.classes), dtype=np.float32)
    logits_KNC[:, np.arange(size.samples), labels_N] += random.uniform(0.5, 2.5, (size.candidates, 1))
    started = time.process_time()
    greedy.fit(logits_KNC, labels_N)
    taken = time.process_time() - started
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"greedy selection, {size.candidates} x {size.samples:,} x {size.classes}: {taken:.1f} s, "
        f"peak {peak / 1e9:.1f} GB"
    )
    check_possible({"greedy selection": taken, "peak": peak})
    return taken, peak


def main(arguments: Sequence[str] | None = None) -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    size, rounds = (SMALLEST, 1) if options.smallest else (FULL, options.rounds)
    ratio = compare_predictions(size, rounds)
    taken, peak = select(size)
    reached = ratio >= GOAL and taken <= MOST_S and peak <= MOST_BYTES
    return 0 if options.smallest or reached else 1


if __name__ == "__main__":
    sys.exit(main())
