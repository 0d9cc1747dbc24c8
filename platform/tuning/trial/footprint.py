"""The ``system/`` metrics of an epoch: CPU, memory and GPU memory that a trial's process uses.

MLflow's own sampler would write from the trial's process, by time; a sweep has one writer and counts epochs.
"""

import time
from collections.abc import Callable, Mapping
from typing import Final

import psutil
import torch

from platform.training.loop.trainer import Trainer

MEGABYTE = 1e6
IN_WORDS: Final[Mapping[str, str]] = {
    "model/parameters": "weights of the networks that predict, all of them together",
    "model/bits": "bits of the numbers that the networks compute with: 16 (bf16, fp16) or 32",
    "model/channels_last": "1 if images and weights lie in memory channels last, else 0",
    "system/cpu_percent": "CPU time of the trial's process over wall time, 100 for one core",
    "system/memory_megabytes": "memory of the process, the images that all trials share included",
    "system/machine_memory_percent": "share of the machine's memory that is in use",
    "system/gpu_memory_megabytes": "the epoch's peak of GPU memory in tensors",
    "system/gpu_reserved_megabytes": "the epoch's peak of GPU memory in torch's allocator",
}
"""What each of these metrics is; with several workers, of the first one's process."""


def train_epoch(trainer: Trainer) -> None:
    """Train for one epoch; its metrics then include the footprint and what IN_WORDS says of the model."""
    metrics = with_footprint(trainer.train_epoch, trainer.device)
    weights = sum(weight.numel() for network in trainer.evaluated_networks for weight in network.parameters())
    trainer.history[-1] = metrics | {
        "model/parameters": float(weights),
        "model/bits": 32.0 if trainer.precision == "fp32" else 16.0,
        "model/channels_last": float(trainer.channels_last),
    }


def with_footprint(train_epoch: Callable[[], dict[str, float]], device: torch.device) -> dict[str, float]:
    """An epoch's metrics, and these, which take a tenth of a millisecond to measure:

    - ``system/cpu_percent``: CPU time of this process divided by wall time, 100 for one core
    - ``system/memory_megabytes``: its resident memory, including the images that all trials share
    - ``system/machine_memory_percent``: the share of the machine's memory that is not available
    - ``system/gpu_memory_megabytes``, ``system/gpu_reserved_megabytes``: the epoch's peak of GPU memory in
      tensors, and in torch's allocator
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    wall, busy = time.perf_counter(), time.process_time()
    metrics = train_epoch()
    wall, busy = time.perf_counter() - wall, time.process_time() - busy
    footprint = {
        "system/cpu_percent": 100 * busy / wall,
        "system/memory_megabytes": psutil.Process().memory_info().rss / MEGABYTE,
        "system/machine_memory_percent": psutil.virtual_memory().percent,
    }
    if device.type == "cuda":
        footprint["system/gpu_memory_megabytes"] = torch.cuda.max_memory_allocated(device) / MEGABYTE
        footprint["system/gpu_reserved_megabytes"] = torch.cuda.max_memory_reserved(device) / MEGABYTE
    return metrics | footprint
