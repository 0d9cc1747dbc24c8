"""Gives back the workers' places of trials that were stopped.

A trial of several workers that Tune stops takes Ray Train's controller with it, which then cannot give its
placement group back. Train's own cleaner asks Ray's dashboard who is alive, and there need not be one; Ray
itself keeps the group until the whole job ends: every later trial would wait for its cores.
"""

import time
from typing import Any

import ray
from ray import tune
from ray.core.generated.gcs_pb2 import PlacementGroupTableData  # type: ignore[attr-defined]
from ray.util.placement_group import PlacementGroup, remove_placement_group

from platform.tuning.own_groups import own_groups

INTERVAL_S = 1.0


class OrphanedGroups(tune.Callback):
    """Looks for them while a sweep runs."""

    def __init__(self) -> None:
        self._looked = 0.0

    def on_step_end(self, *args: Any, **info: Any) -> None:
        if time.monotonic() - self._looked > INTERVAL_S:
            remove_orphaned_groups()
            self._looked = time.monotonic()


def remove_orphaned_groups() -> int:
    """Remove this job's placement groups whose creator, an actor, is dead; how many there were."""
    orphans = [group for group in own_groups() if _is_orphan(group)]
    for group in orphans:
        remove_placement_group(PlacementGroup(ray.PlacementGroupID(group.placement_group_id)))
    return len(orphans)


def _is_orphan(group: PlacementGroupTableData) -> bool:
    is_there = group.state != PlacementGroupTableData.REMOVED
    is_an_actors = not ray.ActorID(group.creator_actor_id).is_nil()  # of the driver's, Ray calls it dead too
    return bool(is_there and is_an_actors and group.creator_actor_dead)
