"""Ends a sweep when the cluster has no room for its trials any more: Tune would wait for ever.

For trials of one worker, which Tune waits for even after the machines with room for them are gone. A trial
that has its room but whose process starts slowly is waited for. With several workers each trial waits by
itself, and Ray Train applies ``resources.start_timeout_s``.
"""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import ray
from ray import tune
from ray.core.generated.gcs_pb2 import PlacementGroupTableData  # type: ignore[attr-defined]
from ray.tune.experiment import Trial

from platform.tuning.cluster.resources import TrialResources, cores_and_gpus, machines
from platform.tuning.errors import SweepBroken
from platform.tuning.stopping.placement_groups import own_groups


class RoomWatch(tune.Callback):
    """Raises SweepBroken when trials have waited for ``timeout_s`` and none of them ran or had room."""

    def __init__(self, resources: TrialResources, timeout_s: float) -> None:
        self._resources, self._timeout_s = resources, timeout_s
        self._waiting_since: float | None = None

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        if not _only_wait([trial.status for trial in trials]):
            self._waiting_since = None
            return
        now = time.monotonic()
        if self._waiting_since is None:
            self._waiting_since = now
        if now - self._waiting_since <= self._timeout_s:
            return
        own = self._resources
        if _has_room(own):
            self._waiting_since = now
            return
        live = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        raise SweepBroken(
            f"resources.start_timeout_s: no trial could start within {self._timeout_s:g} s: each needs "
            f"{cores_and_gpus(own.cpus, own.gpus)}; {machines(live)}, free or taken"
        )


def _only_wait(states: Sequence[str]) -> bool:
    """Whether trials wait and none runs."""
    return Trial.PENDING in states and Trial.RUNNING not in states


def _has_room(asked: TrialResources) -> bool:
    """Whether Ray has reserved what a trial asks for on a live machine, so that its process is starting."""
    return any(
        group.state == PlacementGroupTableData.CREATED
        and len(group.bundles) == 1
        and _has_resources(asked, group.bundles[0].unit_resources)
        for group in own_groups()
    )


def _has_resources(asked: TrialResources, has: Mapping[str, float]) -> bool:
    return all(
        math.isclose(has.get(name, 0.0), count, abs_tol=1e-3)  # Ray rounds shares of a GPU to 0.0001
        for name, count in (("CPU", asked.cpus), ("GPU", asked.gpus))
    )
