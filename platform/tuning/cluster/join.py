"""Start Ray on this machine, or join a cluster."""

import logging
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import ray
from ray.exceptions import RayError

from platform.config.errors import UserError
from platform.config.invocation import ROOT
from platform.config.openmp import sleep_while_waiting
from platform.datasets.images.available_cores import usable_cores
from platform.tuning.cluster.host_process import kept_as_it_was
from platform.tuning.cluster.job import beside_the_job
from platform.tuning.cluster.private_ray import private_ray
from platform.tuning.cluster.resources import TrialResources, trial_resources
from platform.tuning.settings.sweep_config import ResourcesConfig

NOT_SHIPPED = [".venv", ".git", "runs", "nightly", "mlflow.db", "mlartifacts", "data", "__pycache__"]
CAUSE_CHARACTERS = 400
MACHINE = re.compile(r"(?:ray://)?\[?(?P<host>[^/\[\]]+)\]?:(?P<port>\d{1,5})")
_leaving = ExitStack()
"""What :func:`leave` does, the last first; nothing where this process has not joined."""
TRIES = 3
STARTED_TOO_SLOWLY = "timed out during startup"
ANSWERS_S = 5.0
"""Time in which the cluster must accept a connection; Ray itself tries for two minutes and more."""


def join(address: str | None, config: ResourcesConfig, trials: int) -> TrialResources:
    """Start Ray here, or join the cluster at ``address``; returns the resources of each of ``trials``.

    Workers find our ``platform`` package instead of the standard module only if the repository's root is on
    their PYTHONPATH from the start: set here, and shipped to a cluster as ``working_dir``. They also need
    OpenMP's policy from the start: :func:`platform.config.openmp.sleep_while_waiting`.

    Raises UserError if this process runs a Ray already, if no cluster answers at the address, or if no
    machine has room for a trial.
    """
    if ray.is_initialized():
        raise UserError("Ray runs in this process already: call ray.shutdown() first")
    _leaving.enter_context(kept_as_it_was())
    if address is None:
        folder = _leaving.enter_context(private_ray())
        _leaving.callback(ray.shutdown)
        _start_here(folder)
    else:
        _leaving.callback(ray.shutdown)
        _join_cluster(address)
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    return trial_resources(config, nodes, trials)


def _start_here(folder: str) -> None:
    """Start Ray in ``folder``; it gives its node 30 s, in which a busy machine may not start one: then again.

    Raises UserError if none of the tries starts.
    """
    for _ in range(TRIES):
        try:
            with _hangup_blocked():  # a closed SSH session stops this process, which stops Ray when it can
                ray.init(
                    address="local",
                    _temp_dir=folder,
                    num_cpus=usable_cores(),
                    include_dashboard=False,
                    log_to_driver=False,
                    logging_level=logging.ERROR,
                    runtime_env={"env_vars": {"PYTHONPATH": str(ROOT), **sleep_while_waiting()}},
                )
        except Exception as error:
            if STARTED_TOO_SLOWLY not in str(error):  # Ray has no class for it
                raise
            ray.shutdown()
        else:
            return
    raise UserError(f"Ray did not start here in {TRIES} tries of 30 s: too much else runs on this machine")


@contextmanager
def _hangup_blocked() -> Iterator[None]:
    """Processes that are started meanwhile never get a SIGHUP; one that this process gets arrives later."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def leave() -> None:
    """Leave the cluster, or stop the Ray that :func:`join` started; a Ray of the caller's own goes on."""
    _leaving.close()


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
            runtime_env=beside_the_job(
                {"working_dir": str(ROOT), "excludes": NOT_SHIPPED, "env_vars": sleep_while_waiting()}
            ),
        )
    except ConnectionError as error:
        raise UserError(f"no Ray cluster answers at {address}: {_in_a_line(error)}") from None
    except (RayError, ValueError, RuntimeError) as error:  # another version of Ray, a checkout too large …
        raise UserError(f"cannot join the Ray cluster at {address}: {_in_a_line(error)}") from None


def _in_a_line(error: Exception) -> str:
    """Ray's whole message on one line: its first line often says little ("Version mismatch:")."""
    return " ".join(str(error).split())[:CAUSE_CHARACTERS] or type(error).__name__
