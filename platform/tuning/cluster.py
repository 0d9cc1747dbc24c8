"""Joining Ray: a local one on this machine, or a cluster."""

import logging
from pathlib import Path

import ray

from platform.config.errors import UserError
from platform.datasets.decode import usable_cores
from platform.tuning.resources import TrialResources, trial_resources
from platform.tuning.sweep_config import ResourcesConfig

ROOT = Path(__file__).resolve().parents[2]
NOT_SHIPPED = [".venv", ".git", "runs", "mlflow.db", "mlartifacts", "data", "__pycache__"]


def join(address: str | None, config: ResourcesConfig, trials: int) -> TrialResources:
    """Start Ray here, or join the cluster at ``address``; what each of ``trials`` gets.

    Workers find our ``platform`` package in place of the standard module only if the repository's root is
    on their PYTHONPATH from the start: set so here, shipped as ``working_dir`` to a cluster.

    Raises UserError when no cluster answers at the address, or a trial does not fit on what is there.
    """
    if address is None:
        ray.init(
            address="local",
            num_cpus=usable_cores(),
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={"env_vars": {"PYTHONPATH": str(ROOT)}},
        )
    else:
        _join_cluster(address)
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return trial_resources(config, nodes, trials)


def leave() -> None:
    """Leave the cluster, or stop the Ray that was started here."""
    ray.shutdown()


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
