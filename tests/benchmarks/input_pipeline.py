"""Images per second of the training loader against torchvision's ImageFolder + DataLoader with 0 workers.

    python -m tests.benchmarks.input_pipeline [--rounds 5]

Both read the same JPEG folder, made on the spot, with the same augmentation: at 32 px a padded crop and a
flip, at 224 px a random resized crop of 500 x 375 px images and a flip. One epoch of each in turn, so that
what else the machine does meets both; the ratio is the median over the rounds. Decoding once, which ours
does before the first epoch, is not part of the rate and is shown apart. torch computes with one thread,
as it does in a DataLoader's worker: on small tensors more of them only slow the reference down. Exits with
1 where the ratio of one thread to one thread is below the goal.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from platform.datasets.augmentation.augment import AugmentConfig
from platform.datasets.data_config import DataConfig
from platform.datasets.images.decode import usable_cores
from platform.datasets.batches.loader import TrainLoader
from platform.datasets.preparation.prepare import prepare

BATCH = 64
CLASSES = 4
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
END = [transforms.RandomHorizontalFlip(), transforms.ToTensor(), transforms.Normalize(MEAN, STD)]


@dataclass(frozen=True)
class Case:
    image_size: int  # px
    images: int
    shape: tuple[int, int]  # height and width in px; every third image lies the other way round
    augment: AugmentConfig
    reference: list[Callable]
    goal: float  # times the reference


CASES = [
    Case(
        32,
        4000,
        (32, 32),
        AugmentConfig(),
        [transforms.RandomCrop(32, padding=2, padding_mode="reflect")],
        10,
    ),
    Case(
        224,
        400,
        (375, 500),
        AugmentConfig(crop="random_resized"),
        [transforms.RandomResizedCrop(224, scale=(0.5, 1.0))],
        3,
    ),
]


def make_folder(folder: Path, case: Case) -> None:
    """JPEGs that compress about as photographs do: smooth shapes with some grain."""
    random = np.random.default_rng(0)
    height, width = case.shape
    for number in range(case.images):
        size = (width, height) if number % 3 else (height, width)
        coarse = Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), dtype=np.float64)
        grain = random.normal(0, 8, smooth.shape)
        file = folder / f"class_{number % CLASSES}" / f"{number:05d}.jpg"
        file.parent.mkdir(exist_ok=True)
        Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8)).save(file, quality=90)


def rate(batches: Iterable[tuple[int, torch.Tensor]]) -> float:
    start, count = time.perf_counter(), 0
    for size, _ in batches:
        count += size
    return count / (time.perf_counter() - start)


@dataclass(frozen=True)
class Result:
    """Rates are medians in images per second, ``ratio`` the median of one thread's against the reference."""

    rates: tuple[float, float, float]
    ratio: float
    preparing: float  # s


def measure(case: Case, rounds: int, threads: int) -> Result:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_folder(folder, case)
        start = time.perf_counter()
        data = prepare(DataConfig(source=name), case.image_size)
        preparing = time.perf_counter() - start
        loaders = [
            TrainLoader(
                data,
                batch_size=BATCH,
                image_size=case.image_size,
                augment=case.augment,
                seed=0,
                mean=MEAN,
                std=STD,
                threads=count,
            )
            for count in (1, threads)
        ]
        dataset = ImageFolder(name, transforms.Compose(case.reference + END))
        reference = DataLoader(dataset, batch_size=BATCH, shuffle=True, num_workers=0)
        rates: list[tuple[float, ...]] = []
        for epoch in range(rounds + 1):  # the first warms up
            theirs = rate((len(images), images) for images, _ in reference)
            ours = [rate((len(batch), batch.images) for batch in loader.epoch(epoch)) for loader in loaders]
            rates.append((theirs, *ours))
    theirs, one, several = (statistics.median(column) for column in zip(*rates[1:], strict=True))
    return Result((theirs, one, several), statistics.median(row[1] / row[0] for row in rates[1:]), preparing)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="timed epochs of each")
    options = parser.parse_args()
    threads = usable_cores()
    torch.set_num_threads(1)
    table = [
        ["images/s", "ImageFolder", "ours", f"ours, {threads} threads", "ratio", "at least", "decoding once"]
    ]
    reached = True
    for case in CASES:
        result = measure(case, options.rounds, threads)
        reached &= result.ratio >= case.goal
        rates = [f"{value:,.0f}" for value in result.rates]
        once = f"{result.preparing:.1f} s of {case.images:,}"
        table.append([f"{case.image_size} px", *rates, f"{result.ratio:.1f}", f"{case.goal:g}", once])
    for row in table:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, (8, 11, 8, 15, 6, 8, 14), strict=True)))
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
