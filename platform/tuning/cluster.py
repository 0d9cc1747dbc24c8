"""Joining Ray: a local one on this machine, or a cluster, and what there is to run on."""

import logging
import os
from dataclasses import dataclass
from pathlib import Path

import ray

from platform.config.errors import UserError
from platform.tuning.cores import cores
from platform.tuning.sweep_config import ResourcesConfig

ROOT = Path(__file__).resolve().parents[2]
NOT_SHIPPED = [".venv", ".git", "runs", "mlflow.db", "mlartifacts", "data", "__pycache__"]


@dataclass(frozen=True)
class TrialResources:
    """What one trial gets, and how many of them fit at once."""

    cpus: int
    gpus: float
    concurrency: int


def join(address: str | None, config: ResourcesConfig, trials: int) -> TrialResources:
    """Start Ray here, or join the cluster at ``address`` (or ``RAY_ADDRESS``); what each of ``trials`` gets.

    Workers find our ``platform`` package in place of the standard module only if the repository's root is
    on their PYTHONPATH from the start: set so here, shipped as ``working_dir`` to a cluster.

    Raises UserError when no cluster answers at the address, or a trial does not fit on what is there.
    """
    address = address or os.environ.get("RAY_ADDRESS")
    if address is None:
        trial_resources(config, {"CPU": cores(), "GPU": _gpus_here()}, trials)  # before Ray takes seconds
        ray.init(
            num_cpus=cores(),
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={"env_vars": {"PYTHONPATH": str(ROOT)}},
        )
    else:
        _join_cluster(address)
    return trial_resources(config, ray.cluster_resources(), trials)


def _gpus_here() -> int:
    import torch

    return torch.cuda.device_count()


def _join_cluster(address: str) -> None:
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={"working_dir": str(ROOT), "excludes": NOT_SHIPPED},
        )
    except (ConnectionError, ValueError, RuntimeError) as error:
        cause = str(error).strip().splitlines()[0]
        raise UserError(f"no Ray cluster answers at {address}: {cause}") from None


def trial_resources(config: ResourcesConfig, there: dict[str, float], trials: int) -> TrialResources:
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
