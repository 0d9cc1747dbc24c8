"""The part of ``tests.benchmarks.gpu`` that measures speed: training steps, and the feed of images."""

import gc
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count, islice
from pathlib import Path
from typing import Any

import torch

from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.data import Data
from platform.datasets.preparation.prepare import prepare
from platform.training.loop.trainer import Trainer
from platform.training.trial.trial_config import TrialConfig

from .figures import check_possible, process_peak_megabytes

MEGABYTE = 1e6
WARM_UP_STEPS = 3
READY_UPDATES = 4
"""Batches that the steps without a feed go round in."""
SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "fp32, contiguous": {"precision": "fp32", "channels_last": False},
}


@dataclass(frozen=True)
class Workload:
    """Peer-learning of two networks on JPEG files of this ``shape`` (height and width, px)."""

    backbone: str
    image_size: int
    batch_size: int
    shape: tuple[int, int]
    images: int


@dataclass(frozen=True)
class Speed:
    """What was measured with some settings.

    ``step``: images/s of steps on ready batches; ``fed``: with images that the feed brings meanwhile;
    ``feed``: that the feed can bring; ``waiting``: share of the time in which the steps wait for it.
    """

    backbone: str
    image_size: int
    batch_size: int
    settings: str
    precision: str
    channels_last: bool
    step: float
    fed: float
    feed: float
    waiting: float
    peak_megabytes: float


def measure(work: Workload, data: Data, named: str, device: str, threads: int, seconds: float) -> Speed:
    """Measure the settings called ``named``, about three times ``seconds``."""
    reset_peak(torch.device(device))
    trainer = make_trainer(work, data, SETTINGS[named], device, threads)
    for network in trainer.networks:
        network.train()
    ready = list(islice(fed_updates(trainer), READY_UPDATES))
    step = images_per_s(trainer, train(trainer, (ready[place % len(ready)] for place in count())), seconds)
    fed = images_per_s(trainer, train(trainer, fed_updates(trainer)), seconds)
    peak = peak_megabytes(trainer.device)
    batches = chain.from_iterable(trainer.train_loader.epoch(epoch) for epoch in count())
    brought = images_per_s(trainer, map(len, batches), seconds)
    check_possible({"images/s of steps": step, "of fed steps": fed, "of the feed": brought, "peak": peak})
    return Speed(
        work.backbone,
        work.image_size,
        work.batch_size,
        named,
        trainer.precision,
        trainer.channels_last,
        step,
        fed,
        brought,
        max(1 - fed / step, 0.0),
        peak,
    )


def make_data(folder: Path, work: Workload) -> Data:
    return prepare(DataConfig(source=str(folder)), work.image_size)


def make_trainer(work: Workload, data: Data, settings: dict[str, Any], device: str, threads: int) -> Trainer:
    config = TrialConfig.model_validate(
        {
            "epochs": 1_000_000,
            "batch_size": work.batch_size,
            "image_size": work.image_size,
            "augment": {"crop": "random_resized"},
            "model": {"backbone": work.backbone},
            "method": {"name": "peer", "ramp_epochs": 0},
            "optim": {"lr": 1e-4},
            "schedule": {"name": "constant", "warmup_epochs": 0},
        }
        | settings
    )
    return Trainer(config, data, device=device, threads=threads)


def fed_updates(trainer: Trainer) -> Iterator[Any]:
    """The updates of epoch after epoch, as the feed brings them."""
    return chain.from_iterable(trainer.stage.updates(epoch) for epoch in count())


def train(trainer: Trainer, updates: Iterable[Any]) -> Iterator[int]:
    """Train, and yield the number of images of each update."""
    for batches in updates:
        trainer.train_step(batches)
        yield sum(map(len, batches))


def images_per_s(trainer: Trainer, done: Iterator[int], seconds: float) -> float:
    """Go on for this long after a few updates of warm-up; the device has finished when the clock stops."""
    for _ in islice(done, WARM_UP_STEPS):
        pass
    wait_for(trainer.device)
    started, images = time.perf_counter(), 0
    for number in done:
        images += number
        if time.perf_counter() - started > seconds:
            break
    wait_for(trainer.device)
    return images / (time.perf_counter() - started)


def wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def reset_peak(device: torch.device) -> None:
    gc.collect()  # networks that were measured before
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


def peak_megabytes(device: torch.device) -> float:
    """The most memory in tensors on the GPU; on a CPU that of the process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / MEGABYTE
    return process_peak_megabytes()
