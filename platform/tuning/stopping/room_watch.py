"""Ends a sweep whose trials find no room any more: Tune would wait for it for ever.

For trials of one worker, actors that Tune waits for even where the machines that had room for them are gone.
One that has its room and whose process is long in starting, on a machine that others use, is waited for.
Of several workers, each trial waits by itself, and Ray Train counts ``resources.start_timeout_s``.
"""

import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import ray
from ray import tune
from ray.core.generated.gcs_pb2 import PlacementGroupTableData  # type: ignore[attr-defined]
from ray.tune.experiment import Trial

from platform.tuning.failure import SweepBroken
from platform.tuning.own_groups import own_groups
from platform.tuning.cluster.resources import TrialResources, beside, cores


class RoomWatch(tune.Callback):
    """Raises SweepBroken when trials have waited for ``timeout_s`` while not one of them ran or had room."""

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
        raise SweepBroken(
            f"resources.start_timeout_s: no trial found room within {self._timeout_s:g} s: each asks for "
            f"{cores(own.cpus)}{beside(own.gpus)}, and {_what_is_there()}"
        )


def _only_wait(states: Sequence[str]) -> bool:
    """Whether trials wait to run and none of them does."""
    return Trial.PENDING in states and Trial.RUNNING not in states


def _has_room(asked: TrialResources) -> bool:
    """Whether Ray has set aside, on a machine that is there, what a trial asks for: its process starts."""
    return any(
        group.state == PlacementGroupTableData.CREATED
        and len(group.bundles) == 1
        and _is_what(asked, group.bundles[0].unit_resources)
        for group in own_groups()
    )


def _is_what(asked: TrialResources, has: Mapping[str, float]) -> bool:
    return all(
        math.isclose(has.get(name, 0.0), count, abs_tol=1e-3)  # Ray rounds shares of a GPU to 0.0001
        for name, count in (("CPU", asked.cpus), ("GPU", asked.gpus))
    )


def _what_is_there() -> str:
    """The machines that are left, with what they have in all, used or not."""
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    there = [f"{node.get('CPU', 0):g} cores{beside(node.get('GPU', 0))}" for node in nodes]
    return f"there {'are' if len(nodes) > 1 else 'is'} now {', '.join(there)}"
