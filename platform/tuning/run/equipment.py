"""What each trial of a sweep computes with: cores, GPU, number format and layout; ``--plan`` says it."""

from collections.abc import Collection

import torch

from platform.training.optimisation.precision import automatic_precision
from platform.tuning.cluster.resources import TrialResources, cores_and_gpus
from platform.tuning.settings.sweep_config import SweepConfig

ON_A_CLUSTER = (
    "a machine's cores over its GPUs (of several kinds of machines the fewest), or 1 core without GPUs"
)
SOME_GPU = "bf16 if the GPU has it, else fp32"


def equipment(
    config: SweepConfig, resources: TrialResources | None, searched: Collection[str], *, is_here: bool
) -> str:
    """One line; ``resources`` is None for a cluster, ``is_here`` false for GPUs that are only planned for."""
    share = _share(config, resources, is_here=is_here)
    if config.resources.workers > 1:
        share = f"{config.resources.workers} workers, each with {share}"
    numbers = _precision(config, resources, searched, is_here=is_here)
    return f"{share}; {numbers}{_layout(config, resources, searched)}"


def _share(config: SweepConfig, resources: TrialResources | None, *, is_here: bool) -> str:
    is_automatic = config.resources.cpus_per_worker == "auto"
    if resources is None:
        cores = config.resources.cpus_per_worker
        return ON_A_CLUSTER if cores == "auto" else cores_and_gpus(float(cores), 0)
    if is_automatic and not is_here:
        gpus = cores_and_gpus(1, resources.gpus).partition(" and ")[2]
        return f"the machine's cores over its GPUs, and {gpus}"
    share = cores_and_gpus(resources.cpus, resources.gpus)
    return f"{share} ({torch.cuda.get_device_name()})" if resources.gpus else share


def _precision(
    config: SweepConfig, resources: TrialResources | None, searched: Collection[str], *, is_here: bool
) -> str:
    if "precision" in searched:
        return "precision as drawn"
    if config.precision == "measured":
        return "fp32 or bf16, whichever is measured to be faster"
    if config.precision != "auto":
        return config.precision
    if resources is None or (resources.gpus and not is_here):
        return SOME_GPU
    return automatic_precision(torch.device(resources.device))


def _layout(config: SweepConfig, resources: TrialResources | None, searched: Collection[str]) -> str:
    if "channels_last" in searched or config.channels_last is False:
        return ""
    if config.channels_last is True:
        return ", channels_last"
    may_have_gpus = resources is None or resources.gpus > 0
    return ", channels_last for convolutional networks" if may_have_gpus else ""
