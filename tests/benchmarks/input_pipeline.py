"""Images per second of the training loader against torchvision's ImageFolder + DataLoader with 0 workers.

    python -m tests.benchmarks.input_pipeline [--rounds 5] [--smallest]

Both read the same generated JPEG folder with the same augmentation: at 32 px a padded crop and a flip, at
224 px a random resized crop of 500 x 375 px images and a flip. They take turns, an epoch each, so that other
load on the machine meets both; the ratio is the median over the rounds. Ours decodes all images once before
the first epoch; that time is not part of the rate and has its own column. torch computes with one thread, as
it does in a DataLoader's worker: on small tensors more threads only slow the reference down. Exits with 1 if
the ratio of one thread to one thread is below the goal.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

from platform.datasets.augmentation.augment import AugmentConfig
from platform.datasets.batches.loader import TrainLoader
from platform.datasets.data_config import DataConfig
from platform.datasets.images.available_cores import usable_cores
from platform.datasets.preparation.prepare import prepare

from .figures import benchmark_parser, check_possible

BATCH = 64
SMALLEST = 160  # images: two batches for training
CLASSES = 4
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
END = [transforms.RandomHorizontalFlip(), transforms.ToTensor(), transforms.Normalize(MEAN, STD)]


@dataclass(frozen=True)
class Case:
    image_size: int  # px
    images: int
    shape: tuple[int, int]  # height and width in px; every third image has them swapped
    augment: AugmentConfig
    reference: list[Callable[[Any], Any]]
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
    """``rates``: medians in images/s; ``ratio``: median of our one-thread rate over the reference's."""

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


def main(arguments: Sequence[str] | None = None) -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="timed epochs of each")
    options = parser.parse_args(arguments)
    threads = usable_cores()
    torch.set_num_threads(1)
    table = [
        ["images/s", "ImageFolder", "ours", f"ours, {threads} threads", "ratio", "at least", "decoding once"]
    ]
    reached = True
    smallest = [replace(case, images=SMALLEST) for case in CASES]
    for case in smallest if options.smallest else CASES:
        result = measure(case, 1 if options.smallest else options.rounds, threads)
        check_possible({"images/s": min(result.rates), "ratio": result.ratio, "decoding": result.preparing})
        reached &= result.ratio >= case.goal
        rates = [f"{value:,.0f}" for value in result.rates]
        once = f"{result.preparing:.1f} s of {case.images:,}"
        table.append([f"{case.image_size} px", *rates, f"{result.ratio:.1f}", f"{case.goal:g}", once])
    for row in table:
        print("  ".join(cell.rjust(width) for cell, width in zip(row, (8, 11, 8, 15, 6, 8, 14), strict=True)))
    return 0 if options.smallest or reached else 1


if __name__ == "__main__":
    sys.exit(main())
