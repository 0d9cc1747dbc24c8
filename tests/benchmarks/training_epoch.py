"""Speed and memory of our training, compared with a plain loop and with bare tensors.

    python -m tests.benchmarks.training_epoch [--rounds 3] [--threads 2] [--only 32] [--smallest]

Peer-learning of two networks of one architecture on a generated folder of JPEG files: the same networks,
batch size, number of images and kind of augmentation for all, on the CPU and on a GPU if there is one.

- One epoch of training and evaluation, ours against :mod:`tests.benchmarks.reference_loop`, with no workers
  or one a core, whichever is faster. Ours has the settings that we recommend for speed; the time in which it
  decodes the images once, before the first epoch, is shown separately.
- One epoch of training only, ours against forward, loss, backward and step on prepared batches. The bare
  contender augments nothing. If other processes run, compare the cores' time rather than the clock's.
- Peak memory of a separate process that trains two epochs; the reference has no workers, with which it needs
  more.

All take turns within a round, so that other load on the machine meets each; a ratio is the median over the
rounds. Exits with 1 if a goal is missed.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from platform.datasets.data_config import DataConfig
from platform.datasets.images.available_cores import usable_cores
from platform.datasets.preparation.prepare import prepare
from platform.training.evaluation.prediction import to_layout
from platform.training.loop.trainer import Trainer
from platform.training.optimisation.precision import autocast
from platform.training.trial.trial_config import TrialConfig

from .figures import benchmark_parser, check_possible
from .reference_loop import (
    CLASSES,
    DROP_RATE,
    LR,
    Case,
    ReferenceLoop,
    peak_memory,
    peer_losses,
)

ROOT = Path(__file__).resolve().parents[2]
WITHOUT_WORKERS = "reference, 0 workers"
BARE_AT_MOST, MEMORY_AT_MOST = 1.05, 1.0

CASES = [
    Case("cpu", 32, "test_resnet", "padded", (32, 32), 64, 768, 256, 2.0),
    Case("cpu", 128, "resnet10t", "random_resized", (375, 500), 32, 192, 64, 1.3),
    Case("cuda", 32, "resnet18", "padded", (32, 32), 128, 16_000, 4000, 2.0),
    Case("cuda", 128, "resnet50", "random_resized", (375, 500), 64, 3200, 640, 1.3),
]
SMALLEST = Case("cpu", 32, "test_resnet", "random_resized", (48, 64), 8, 20, 10, 1.0)


def make_folder(folder: Path, case: Case) -> None:
    """JPEGs that compress about as photographs do: smooth shapes with some grain."""
    random = np.random.default_rng(0)
    height, width = case.shape
    for number in range(case.train + case.val):
        size = (width, height) if number % 3 else (height, width)
        coarse = Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), dtype=np.float32)
        grain = random.standard_normal(smooth.shape, dtype=np.float32) * 8
        split = "train" if number < case.train else "val"
        file = folder / split / f"class_{number % CLASSES}" / f"{number:05d}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((smooth + grain).clip(0, 255).astype(np.uint8)).save(file, quality=90)


def our_trainer(case: Case, folder: Path, threads: int) -> Trainer:
    config = TrialConfig.model_validate(
        {
            "epochs": 1000,
            "batch_size": case.batch_size,
            "image_size": case.image_size,
            "augment": {"crop": case.crop},
            "precision": "measured",
            "channels_last": True,
            "model": {"backbone": case.backbone},
            "method": {"name": "peer", "drop_rate": DROP_RATE, "ramp_epochs": 0},
            "optim": {"lr": LR},
            "schedule": {"name": "constant", "warmup_epochs": 0},
        }
    )
    data = prepare(DataConfig(source=str(folder)), case.image_size)
    return Trainer(config, data, device=case.device, threads=threads)


class BareLoop:
    """Forward, loss, backward and step of a trainer's networks on an epoch of ready batches, no more."""

    def __init__(self, trainer: Trainer) -> None:
        self.networks, self.optimisers = trainer.networks, trainer.stage.optimisers
        self.precision, self.device = trainer.precision, trainer.device
        self.batches = [
            (to_layout(batch.images, channels_last=True), batch.labels)
            for batch in trainer.train_loader.epoch(0)
        ]

    def train(self) -> None:
        for network in self.networks:
            network.train()
        for images, labels_B in self.batches:
            for optimiser in self.optimisers:
                optimiser.zero_grad()
            with autocast(self.precision, self.device):
                logits = [network(images).float() for network in self.networks]
                losses = peer_losses(logits[0], logits[1], labels_B)
            torch.stack(losses).sum().backward()
            for optimiser in self.optimisers:
                optimiser.step()


@dataclass(frozen=True)
class Timed:
    """Seconds of an epoch: by the clock, and of all the process's cores together."""

    clock: float
    cores: float


Epoch = Callable[[], Timed]


def timing(call: Callable[[], object], device: str) -> Epoch:
    def timed() -> Timed:
        cores, started = time.process_time(), time.perf_counter()
        call()
        if device == "cuda":
            torch.cuda.synchronize()
        return Timed(time.perf_counter() - started, time.process_time() - cores)

    return timed


def in_turn(epochs: Mapping[str, Epoch], rounds: int) -> list[dict[str, Timed]]:
    """The times of each, round by round, without a first round that warms up."""
    times = []
    for number in range(rounds + 1):
        names = list(epochs)[:: 1 if number % 2 else -1]
        times.append({name: epochs[name]() for name in names})
    for name in epochs:
        check_possible({f"time of {name}": min(each[name].clock for each in times)})
    return times[1:]


def ratio(rounds: list[dict[str, Timed]], above: str, below: str, clock: str = "clock") -> float:
    ratios: list[float] = [getattr(each[above], clock) / getattr(each[below], clock) for each in rounds]
    return statistics.median(ratios)


def compare_epochs(case: Case, folder: Path, trainer: Trainer, rounds: int) -> bool:
    references = {WITHOUT_WORKERS: 0, f"reference, {usable_cores()} workers": usable_cores()}
    epochs = {
        name: timing(ReferenceLoop(case, folder, count).epoch, case.device)
        for name, count in references.items()
    }
    found = in_turn(epochs | {"ours": timing(trainer.train_epoch, case.device)}, rounds)
    seconds = {name: statistics.median(each[name].clock for each in found) for name in (*epochs, "ours")}
    best = min(references, key=lambda name: seconds[name])
    row("one epoch, training and evaluation", "images/s", "speed", "at least", "cores' time")
    for name, median in seconds.items():
        images = f"{(case.train + case.val) / median:,.1f}"
        goal = f"{case.goal:g}" if name == "ours" else ""
        # what workers do is not in this process's time
        cores = "" if references.get(name) else f"{ratio(found, name, WITHOUT_WORKERS, 'cores'):.2f}"
        row(name, images, f"{ratio(found, best, name):.2f}", goal, cores)
    return ratio(found, best, "ours") >= case.goal


def compare_bare(case: Case, folder: Path, threads: int, trainer: Trainer, rounds: int) -> bool:
    bare = BareLoop(our_trainer(case, folder, threads))
    epochs = {
        "bare tensors": timing(bare.train, case.device),
        "ours": timing(trainer._train, case.device),  # what train_epoch does before it evaluates
    }
    found = in_turn(epochs, rounds)
    row("training alone", "images/s", "time", "at most", "cores' time")
    for name in epochs:
        images = f"{case.train / min(each[name].clock for each in found):,.1f}"
        times = [f"{ratio(found, name, 'bare tensors', clock):.3f}" for clock in ("clock", "cores")]
        row(name, images, times[0], f"{BARE_AT_MOST:g}" if name == "ours" else "", times[1])
    return ratio(found, "ours", "bare tensors") <= BARE_AT_MOST


def compare_memory(case: Case, folder: Path, threads: int) -> bool:
    described = [str(folder), json.dumps(asdict(case))]
    commands = {
        WITHOUT_WORKERS: ["tests.benchmarks.reference_loop", *described],
        "ours": ["tests.benchmarks.training_epoch", "--memory-of", *described, "--threads", str(threads)],
    }
    found = {}
    for name, command in commands.items():
        child = subprocess.run(
            [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=True
        )
        found[name] = json.loads(child.stdout.splitlines()[-1])
    reference, ours = found.values()
    check_possible({f"memory of {name}": min(peaks.values()) for name, peaks in found.items()})
    for kind in reference:
        row(f"peak memory, {kind}", "MB", "memory", "at most")
        for name, peaks in found.items():
            goal = f"{MEMORY_AT_MOST:g}" if name == "ours" else ""
            row(name, f"{peaks[kind]:,.0f}", f"{peaks[kind] / reference[kind]:.2f}", goal)
    return all(ours[kind] <= MEMORY_AT_MOST * reference[kind] for kind in reference)


def row(name: str, *cells: str) -> None:
    widths = (10, 8, 9, 12)
    aligned = [cell.rjust(width) for cell, width in zip(cells, widths, strict=False)]
    print(f"  {name:36}{'  '.join(aligned)}".rstrip(), flush=True)


def print_settings(case: Case, trainer: Trainer, threads: int, preparing: float) -> None:
    device = torch.cuda.get_device_name() if case.device == "cuda" else f"CPU, {threads} threads"
    print(
        f"{case.image_size} px on {device}: 2 x {case.backbone}, batches of {case.batch_size}, "
        f"{case.train} + {case.val} images\n"
        f"  ours: channels_last, precision measured ({trainer.precision}), decoded once in {preparing:.1f} s",
        flush=True,
    )


def measure(case: Case, folder: Path, rounds: int, threads: int) -> bool:
    started = time.perf_counter()
    trainer = our_trainer(case, folder, threads)
    preparing = time.perf_counter() - started
    print_settings(case, trainer, threads, preparing)
    reached = [
        compare_epochs(case, folder, trainer, rounds),
        compare_bare(case, folder, threads, trainer, 2 * rounds),
        compare_memory(case, folder, threads),
    ]
    return all(reached)


def print_memory(folder: Path, case: Case, threads: int) -> None:
    """Train two epochs and print the peak memory of this process as JSON."""
    trainer = our_trainer(case, folder, threads)
    for _ in range(2):
        trainer.train_epoch()
    print(json.dumps(peak_memory(case.device)))


def chosen_cases(options: argparse.Namespace) -> list[Case]:
    cases = [SMALLEST, replace(SMALLEST, device="cuda")] if options.smallest else CASES
    return [
        case
        for case in cases
        if (case.device == "cpu" or torch.cuda.is_available()) and options.only in (None, case.image_size)
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="timed epochs of each")
    parser.add_argument(
        "--threads", type=int, default=usable_cores(), help="threads that torch computes with"
    )
    parser.add_argument("--only", type=int, help="image size (px) of the cases to run")
    parser.add_argument("--memory-of", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.smallest:
        options.threads = 1  # on a busy machine, threads wait for each other for minutes
    torch.set_num_threads(options.threads)
    if options.memory_of:
        folder, described = options.memory_of
        print_memory(Path(folder), Case(**json.loads(described)), options.threads)
        return 0
    reached = True
    for case in chosen_cases(options):
        with tempfile.TemporaryDirectory() as name:
            make_folder(Path(name), case)
            reached &= measure(case, Path(name), 1 if options.smallest else options.rounds, options.threads)
    return 0 if options.smallest or reached else 1


if __name__ == "__main__":
    sys.exit(main())
