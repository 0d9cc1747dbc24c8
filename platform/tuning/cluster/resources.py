"""What one trial gets of what there is, and how many run at once; needs no Ray."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from platform.config.errors import UserError
from platform.datasets.images.decode import usable_cores
from platform.tuning.settings.sweep_config import Placement, ResourcesConfig


@dataclass(frozen=True)
class TrialResources:
    """What each of a trial's workers gets, how they are placed, and how many trials fit at once."""

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
    """What a trial gets of what each of ``nodes`` has.

    At most so many run at once that each has all its workers from the start: none waits, holding some, for
    those of another. Raises UserError when not even one fits: Ray would wait for it for ever.
    """
    cpus = config.cpus_per_worker
    most_gpus = max((node.get("GPU", 0.0) for node in nodes), default=0.0)
    gpus = min(1.0, most_gpus) if config.gpus_per_worker == "auto" else float(config.gpus_per_worker)
    if gpus > most_gpus:
        raise UserError(
            f"resources.gpus_per_worker: a worker asks for {gpus:g}, "
            f"but no machine has more than {most_gpus:g}"
        )
    workers_on = [_fit_on(node, cpus, gpus) for node in nodes]
    if not any(workers_on):
        most_cpus = max((node.get("CPU", 0.0) for node in nodes), default=0.0)
        asked = f"a worker asks for {cpus}{beside(gpus)}"
        raise UserError(f"resources.cpus_per_worker: {asked}, but no machine has more than {most_cpus:g}")
    fit = _groups(workers_on, config.workers, config.placement)
    if fit == 0:
        room = f"room for {sum(workers_on)} on {len(nodes)} machine{'s' * (len(nodes) > 1)}"
        raise UserError(
            f"resources.workers: a trial asks for {config.workers} workers of {cores(cpus)}{beside(gpus)}, "
            f"placed {config.placement}, but there is {room}"
        )
    at_once = min(fit, trials, config.max_concurrent_trials or trials)
    return TrialResources(config.workers, cpus, gpus, config.placement, at_once)


def _groups(workers_on: Sequence[int], workers: int, placement: Placement) -> int:
    """How many trials of so many workers fit at once on machines that each take ``workers_on`` workers."""
    if placement == "STRICT_PACK":
        return sum(count // workers for count in workers_on)
    if placement == "STRICT_SPREAD":  # k trials fit where the machines offer k x workers different places
        most = sum(workers_on) // workers
        return next(
            (k for k in range(most, 0, -1) if sum(min(count, k) for count in workers_on) >= k * workers), 0
        )
    return sum(workers_on) // workers


def _fit_on(node: Mapping[str, float], cpus: int, gpus: float) -> int:
    by_cpus = int(node.get("CPU", 0.0) // cpus)
    if not gpus:
        return by_cpus
    a_gpu = int(1 / gpus + 1e-9)  # a worker's share lies on one GPU; 1 / 0.1 is 10 but for rounding
    return min(by_cpus, int(node.get("GPU", 0.0)) * a_gpu)


def cores(count: int) -> str:
    """The count in words: 1 core, 2 cores."""
    return f"{count} core{'s' * (count > 1)}"


def beside(gpus: float) -> str:
    """What to add to cores in words: nothing, or beside its 1 GPU."""
    return f" beside its {gpus:g} GPU" if gpus else ""
