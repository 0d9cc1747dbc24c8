"""Joining Ray: a local one on this machine, or a cluster."""

import logging
import re
import socket
from pathlib import Path

import ray
from ray.exceptions import RayError

from platform.config.errors import UserError
from platform.config.openmp import sleep_while_waiting
from platform.datasets.images.decode import usable_cores
from platform.tuning.cluster.resources import TrialResources, trial_resources
from platform.tuning.settings.sweep_config import ResourcesConfig

ROOT = Path(__file__).resolve().parents[2]
NOT_SHIPPED = [".venv", ".git", "runs", "mlflow.db", "mlartifacts", "data", "__pycache__"]
CAUSE_CHARACTERS = 400
MACHINE = re.compile(r"(?:ray://)?\[?(?P<host>[^/\[\]]+)\]?:(?P<port>\d{1,5})")
ANSWERS_S = 5.0
"""Seconds in which a machine takes a connection; Ray by itself tries for two minutes and more."""


def join(address: str | None, config: ResourcesConfig, trials: int) -> TrialResources:
    """Start Ray here, or join the cluster at ``address``; what each of ``trials`` gets.

    Workers find our ``platform`` package in place of the standard module only if the repository's root is
    on their PYTHONPATH from the start: set so here, shipped as ``working_dir`` to a cluster. What else
    they have from the start is OpenMP's policy: :func:`platform.config.openmp.sleep_while_waiting`.

    Raises UserError when no cluster answers at the address, or a trial does not fit on what is there.
    """
    if address is None:
        ray.init(
            address="local",
            num_cpus=usable_cores(),
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={"env_vars": {"PYTHONPATH": str(ROOT), **sleep_while_waiting()}},
        )
    else:
        _join_cluster(address)
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return trial_resources(config, nodes, trials)


def leave() -> None:
    """Leave the cluster, or stop the Ray that was started here."""
    ray.shutdown()


def _join_cluster(address: str) -> None:
    if machine := MACHINE.fullmatch(address):
        try:
            socket.create_connection((machine["host"], int(machine["port"])), ANSWERS_S).close()
        except (OSError, OverflowError) as error:
            raise UserError(f"no Ray cluster answers at {address}: {_in_a_line(error)}") from None
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level=logging.ERROR,
            runtime_env={
                "working_dir": str(ROOT),
                "excludes": NOT_SHIPPED,
                "env_vars": sleep_while_waiting(),
            },
        )
    except ConnectionError as error:
        raise UserError(f"no Ray cluster answers at {address}: {_in_a_line(error)}") from None
    except (RayError, ValueError, RuntimeError) as error:  # it answers: another Ray, too large a checkout …
        raise UserError(f"cannot join the Ray cluster at {address}: {_in_a_line(error)}") from None


def _in_a_line(error: Exception) -> str:
    """What Ray says, of which the first line often says nothing yet: "Version mismatch:"."""
    return " ".join(str(error).split())[:CAUSE_CHARACTERS] or type(error).__name__
