"""What a trial's process takes of its machine in an epoch: metrics that MLflow shows as those of the system.

MLflow's own sampler writes from the trial's process by the clock; a sweep has one writer and counts epochs.
"""

import time
from collections.abc import Callable

import psutil  # type: ignore[import-untyped]
import torch

from platform.training.loop.trainer import Trainer

MEGABYTE = 1e6


def train_epoch(trainer: Trainer) -> None:
    """Train for one epoch, and keep what it took among its metrics.

    ``model/parameters``: the weights of the networks that predict, of all of them together.
    """
    metrics = with_footprint(trainer.train_epoch, trainer.device)
    weights = sum(one.numel() for network in trainer.evaluated_networks for one in network.parameters())
    trainer.history[-1] = metrics | {"model/parameters": float(weights)}


def with_footprint(train_epoch: Callable[[], dict[str, float]], device: torch.device) -> dict[str, float]:
    """An epoch's metrics, and beside them, at the cost of a tenth of a millisecond:

    - ``system/cpu_percent``: CPU time of this process by wall time, 100 for one core
    - ``system/memory_megabytes``: its resident memory, the images that all trials share included
    - ``system/machine_memory_percent``: of the machine's memory that is not available
    - ``system/gpu_memory_megabytes``, ``system/gpu_reserved_megabytes``: the most that its tensors, and that
      torch's allocator took of the GPU in the epoch
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    wall, busy = time.perf_counter(), time.process_time()
    metrics = train_epoch()
    wall, busy = time.perf_counter() - wall, time.process_time() - busy
    found = {
        "system/cpu_percent": 100 * busy / wall,
        "system/memory_megabytes": psutil.Process().memory_info().rss / MEGABYTE,
        "system/machine_memory_percent": psutil.virtual_memory().percent,
    }
    if device.type == "cuda":
        found["system/gpu_memory_megabytes"] = torch.cuda.max_memory_allocated(device) / MEGABYTE
        found["system/gpu_reserved_megabytes"] = torch.cuda.max_memory_reserved(device) / MEGABYTE
    return metrics | found
