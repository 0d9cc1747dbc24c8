"""Eight checkpoints over a folder of JPEGs, each image decoded once, against eight passes of a plain loop.

    python -m tests.benchmarks.ensembles [--rounds 3]

1. Validation predictions of eight checkpoints (``test_resnet``, two networks each) at 64 px on 600 JPEGs of
   500 x 375 px: ours decodes the images once and predicts with each checkpoint; the reference is
   torchvision's ``ImageFolder`` and a ``DataLoader`` without workers, once for each checkpoint. Networks
   run on one thread in both, in turn; the ratio is the median of the rounds. A second report reads what the
   first has kept: its time is shown apart. Exits with 1 below 3 times.
2. Greedy selection over 50 candidates x 10,000 images x 100 classes: at most 5 s of CPU and 4 GB.
"""

import argparse
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from platform.datasets.preparation.data import Data
from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.prepare import prepare
from platform.training.loop.trainer_checkpoints import save_checkpoint
from platform.storage.folder import Folder
from platform.training.checkpoints.loading import load_predictor
from platform.training.loop.trainer import Trainer
from platform.training.trial.trial_config import TrialConfig
from reports.ensembles.rules import greedy
from reports.evaluation.predictions import kept_prediction

from .input_pipeline import Case, make_folder

CHECKPOINTS, SIZE = 8, 64
GOAL = 3.0
CANDIDATES, SAMPLES, CLASSES = 50, 10_000, 100
MOST_S, MOST_BYTES = 5.0, 4e9
TRIAL = f"""{{
  "epochs": 1, "batch_size": 64, "image_size": {SIZE}, "precision": "fp32",
  "model": {{"backbone": "test_resnet"}}, "method": {{"name": "peer", "ramp_epochs": 1}}
}}"""


def prepared(images: Path) -> Data:
    """All images but a few are validation: what is measured is predicting them."""
    return prepare(DataConfig(source=str(images), val_share=0.9), SIZE)


def make_checkpoints(data: Data, folder: Path) -> list[Path]:
    config = TrialConfig.model_validate_json(TRIAL)
    made = []
    for seed in range(CHECKPOINTS):
        trainer = Trainer(config.model_copy(update={"seed": seed}), data, threads=1)
        made.append(folder / f"checkpoint_{seed:06d}")
        save_checkpoint(made[-1], trainer)
    return made


def ours(images: Path, checkpoints: list[Path], kept: Path) -> None:
    data = prepared(images)
    for checkpoint in checkpoints:
        kept_prediction(Folder.of(checkpoint), checkpoint.name, data, kept)


def plain(images: Path, checkpoints: list[Path]) -> None:
    for checkpoint in checkpoints:
        predictor = load_predictor(checkpoint)
        norm = transforms.Normalize(predictor.normalisation.mean, predictor.normalisation.std)
        steps = transforms.Compose(
            [transforms.Resize(SIZE), transforms.CenterCrop(SIZE), transforms.ToTensor(), norm]
        )
        loader = DataLoader(ImageFolder(str(images), steps), batch_size=128)
        with torch.no_grad():
            for batch, _ in loader:
                for network in predictor.networks:
                    network(batch).softmax(1)


def seconds(work: object, *arguments: object) -> float:
    assert callable(work)
    started = time.perf_counter()
    work(*arguments)
    return time.perf_counter() - started


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        images = Path(name) / "images"
        images.mkdir()
        make_folder(images, Case(SIZE, 600, (375, 500), None, [], 0))
        checkpoints = make_checkpoints(prepared(images), Path(name))
        times = [
            (
                seconds(ours, images, checkpoints, Path(name) / f"kept_{turn}"),
                seconds(plain, images, checkpoints),
                seconds(ours, images, checkpoints, Path(name) / f"kept_{turn}"),
            )
            for turn in range(rounds)
        ]
    ratio = statistics.median(reference / own for own, reference, _ in times)
    own, reference, again = (statistics.median(each) for each in zip(*times, strict=True))
    print(f"{CHECKPOINTS} checkpoints, 600 images: ours {own:.1f} s, plain passes {reference:.1f} s,")
    print(f"  {ratio:.1f} times as fast; a second report {again:.1f} s")

    random = np.random.default_rng(0)
    labels_N = random.integers(CLASSES, size=SAMPLES)
    logits_KNC = random.standard_normal((CANDIDATES, SAMPLES, CLASSES), dtype=np.float32)
    logits_KNC[:, np.arange(SAMPLES), labels_N] += random.uniform(0.5, 2.5, (CANDIDATES, 1))
    started = time.process_time()
    greedy.fit(logits_KNC, labels_N)
    took = time.process_time() - started
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(f"greedy selection, {CANDIDATES} x {SAMPLES:,} x {CLASSES}: {took:.1f} s, peak {peak / 1e9:.1f} GB")
    return 0 if ratio >= GOAL and took <= MOST_S and peak <= MOST_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
