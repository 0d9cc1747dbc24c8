"""What one trial gets of what there is, and how many run at once; needs no Ray."""

import os
from collections.abc import Mapping
from dataclasses import dataclass

from platform.config.errors import UserError
from platform.tuning.sweep_config import ResourcesConfig


@dataclass(frozen=True)
class TrialResources:
    """What one trial gets, and how many of them fit at once."""

    cpus: int
    gpus: float
    concurrency: int


def cores() -> int:
    """The CPU cores of this process; unlike the machine's count it knows ``taskset``'s limits."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def resources_here() -> dict[str, float]:
    """This machine's cores and GPUs, under Ray's names."""
    import torch

    return {"CPU": float(cores()), "GPU": float(torch.cuda.device_count())}


def trial_resources(config: ResourcesConfig, there: Mapping[str, float], trials: int) -> TrialResources:
    """What a trial gets of what is ``there``.

    Raises UserError when even one trial does not fit: Ray would wait for it for ever.
    """
    there_cpus, there_gpus = there.get("CPU", 0), there.get("GPU", 0)
    gpus = min(1.0, there_gpus) if config.gpus == "auto" else float(config.gpus)
    if config.cpus > there_cpus:
        raise UserError(f"resources.cpus: a trial asks for {config.cpus}, but there are {there_cpus:g}")
    if gpus > there_gpus:
        raise UserError(f"resources.gpus: a trial asks for {gpus:g}, but there are {there_gpus:g}")
    fit = int(there_cpus // config.cpus)
    if gpus:
        fit = min(fit, int(there_gpus // gpus))
    return TrialResources(config.cpus, gpus, min(fit, trials))
