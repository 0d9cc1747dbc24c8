"""The cores and GPUs of each trial, and how many trials run at once; imports no Ray."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from platform.config.errors import UserError
from platform.datasets.errors import counted, listed
from platform.datasets.images.available_cores import usable_cores
from platform.tuning.settings.sweep_config import Placement, ResourcesConfig


@dataclass(frozen=True)
class TrialResources:
    """The cores and GPUs of each worker, the workers' placement, and how many trials run at once."""

    workers: int
    cpus: int
    gpus: float
    placement: Placement
    concurrency: int

    @property
    def device(self) -> str:
        return "cuda" if self.gpus else "cpu"


def resources_here() -> dict[str, float]:
    """This machine's cores and GPUs, under Ray's names."""
    import torch

    return {"CPU": float(usable_cores()), "GPU": float(torch.cuda.device_count())}


def trial_resources(
    config: ResourcesConfig, nodes: Sequence[Mapping[str, float]], trials: int
) -> TrialResources:
    """The resources of a trial on machines that have ``nodes``, under Ray's names.

    Only as many trials run at once as have room for all their workers: otherwise two could each hold some
    workers and wait for the rest. Raises UserError if not one fits, for which Ray would wait for ever.
    """
    most_gpus = max((node.get("GPU", 0.0) for node in nodes), default=0.0)
    gpus = min(1.0, most_gpus) if config.gpus_per_worker == "auto" else float(config.gpus_per_worker)
    if gpus > most_gpus:
        raise UserError(
            f"resources.gpus_per_worker: a worker needs {gpus:g}, but no machine has more than {most_gpus:g}"
        )
    cpus = _cores_of_a_gpu(nodes, gpus) if config.cpus_per_worker == "auto" else config.cpus_per_worker
    workers_on = [_fit_on(node, cpus, gpus) for node in nodes]
    if not any(workers_on):
        raise UserError(
            f"resources.cpus_per_worker: a worker needs {cores_and_gpus(cpus, gpus)}, but {machines(nodes)}"
        )
    fit = _groups(workers_on, config.workers, config.placement)
    if fit == 0:
        room = f"{sum(workers_on)} on {counted(len(nodes), 'machine')}"
        raise UserError(
            f"resources.workers: a trial needs {config.workers} workers of {cores_and_gpus(cpus, gpus)}, "
            f"placed {config.placement}, but there is room for {room}"
        )
    at_once = min(fit, trials, config.max_concurrent_trials or trials)
    return TrialResources(config.workers, cpus, gpus, config.placement, at_once)


def _groups(workers_on: Sequence[int], workers: int, placement: Placement) -> int:
    """How many trials of ``workers`` workers fit at once on machines with room for ``workers_on`` each."""
    if placement == "STRICT_PACK":
        return sum(count // workers for count in workers_on)
    if placement == "STRICT_SPREAD":  # k trials fit if the machines offer k x workers different places
        most = sum(workers_on) // workers
        return next(
            (k for k in range(most, 0, -1) if sum(min(count, k) for count in workers_on) >= k * workers), 0
        )
    return sum(workers_on) // workers


def _fit_on(node: Mapping[str, float], cpus: int, gpus: float) -> int:
    by_cpus = int(node.get("CPU", 0.0) // cpus)
    if not gpus:
        return by_cpus
    return min(by_cpus, _places_on(node, gpus))


def _places_on(node: Mapping[str, float], gpus: float) -> int:
    """How many workers the GPUs of a machine have room for."""
    a_gpu = int(1 / gpus + 1e-9)  # a worker's share lies on one GPU; 1e-9: rounding in 1 / 0.1
    return int(node.get("GPU", 0.0)) * a_gpu


def _cores_of_a_gpu(nodes: Sequence[Mapping[str, float]], gpus: float) -> int:
    """``auto``: the cores that each worker gets if all GPUs are in use; 1 without GPUs.

    Of different machines it is the fewest, so that no GPU stays idle for want of cores: Ray gives every trial
    of a sweep the same.
    """
    if not gpus:
        return 1
    places = [(node.get("CPU", 0.0), _places_on(node, gpus)) for node in nodes]
    return max(min(int(cores // count) for cores, count in places if count), 1)


def cores_and_gpus(cpus: float, gpus: float) -> str:
    """ "2 cores and 0.5 GPU" for messages."""
    cores = f"{cpus:g} {'core' if cpus == 1 else 'cores'}"
    return f"{cores} and {gpus:g} {'GPU' if gpus <= 1 else 'GPUs'}" if gpus else cores


def machines(nodes: Sequence[Mapping[str, float]]) -> str:
    """ "the machines have 2 cores, 4 cores and 1 GPU" for messages, equal machines once."""
    kinds = dict.fromkeys(cores_and_gpus(node.get("CPU", 0.0), node.get("GPU", 0.0)) for node in nodes)
    return f"{'the machine has' if len(nodes) == 1 else 'the machines have'} {listed(kinds) or 'none'}"
