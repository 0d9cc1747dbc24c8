"""This job's placement groups in Ray, and the removal of those that stopped trials leave behind.

When Tune stops a trial of several workers, Ray Train's controller dies with it and cannot remove its
placement group. Train's own cleaner needs Ray's dashboard, which may not run, and Ray itself keeps the group
until the job ends: without :class:`OrphanedGroups` later trials would wait for these cores for ever.
"""

import time
from typing import Any

import ray
from ray import tune
from ray._private.state import state
from ray.core.generated.gcs_pb2 import PlacementGroupTableData  # type: ignore[attr-defined]
from ray.util.placement_group import PlacementGroup, remove_placement_group

INTERVAL_S = 1.0


class OrphanedGroups(tune.Callback):
    """Removes orphaned placement groups while a sweep runs."""

    def __init__(self) -> None:
        self._looked = 0.0

    def on_step_end(self, *args: Any, **info: Any) -> None:
        if time.monotonic() - self._looked > INTERVAL_S:
            remove_orphaned_groups()
            self._looked = time.monotonic()


def remove_orphaned_groups() -> int:
    """Remove this job's placement groups whose creator, an actor, is dead; returns how many there were."""
    orphans = [group for group in own_groups() if _is_orphan(group)]
    for group in orphans:
        remove_placement_group(PlacementGroup(ray.PlacementGroupID(group.placement_group_id)))
    return len(orphans)


def own_groups() -> list[PlacementGroupTableData]:
    """All placement groups of this job, removed ones too, with their creators, which Ray's API leaves out."""
    job = ray.get_runtime_context().get_job_id()
    accessor = state._connect_and_get_accessor()
    groups = [PlacementGroupTableData.FromString(raw) for raw in accessor.get_placement_group_table()]
    return [group for group in groups if group.creator_job_id.hex() == job]


def _is_orphan(group: PlacementGroupTableData) -> bool:
    is_removed = group.state == PlacementGroupTableData.REMOVED
    is_an_actors = not ray.ActorID(group.creator_actor_id).is_nil()  # else the driver's, called dead too
    return bool(not is_removed and is_an_actors and group.creator_actor_dead)
