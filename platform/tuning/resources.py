"""What one trial gets of what there is, and how many run at once; needs no Ray."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from platform.config.errors import UserError
from platform.datasets.decode import usable_cores
from platform.tuning.sweep_config import ResourcesConfig


@dataclass(frozen=True)
class TrialResources:
    """What one trial gets, and how many of them fit at once."""

    cpus: int
    gpus: float
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

    Raises UserError when even one trial fits on no node: Ray would wait for it for ever.
    """
    most_gpus = max((node.get("GPU", 0.0) for node in nodes), default=0.0)
    gpus = min(1.0, most_gpus) if config.gpus == "auto" else float(config.gpus)
    if gpus > most_gpus:
        raise UserError(
            f"resources.gpus: a trial asks for {gpus:g}, but no machine has more than {most_gpus:g}"
        )
    fit = sum(_fit_on(node, config.cpus, gpus) for node in nodes)
    if fit == 0:
        most_cpus = max((node.get("CPU", 0.0) for node in nodes), default=0.0)
        beside = f" beside its {gpus:g} GPU" if gpus else ""
        asked = f"a trial asks for {config.cpus}{beside}"
        raise UserError(f"resources.cpus: {asked}, but no machine has more than {most_cpus:g}")
    return TrialResources(config.cpus, gpus, min(fit, trials))


def _fit_on(node: Mapping[str, float], cpus: int, gpus: float) -> int:
    by_cpus = int(node.get("CPU", 0.0) // cpus)
    if not gpus:
        return by_cpus
    a_gpu = int(1 / gpus + 1e-9)  # a trial's share lies on one GPU; 1 / 0.1 is 10 but for rounding
    return min(by_cpus, int(node.get("GPU", 0.0)) * a_gpu)
