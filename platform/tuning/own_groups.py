"""This job's placement groups with their creators, whom Ray's own API leaves out."""

import ray
from ray._private.state import state
from ray.core.generated.gcs_pb2 import PlacementGroupTableData  # type: ignore[attr-defined]


def own_groups() -> list[PlacementGroupTableData]:
    """Those that this job has asked for, removed ones too."""
    job = ray.get_runtime_context().get_job_id()
    accessor = state._connect_and_get_accessor()
    groups = [PlacementGroupTableData.FromString(raw) for raw in accessor.get_placement_group_table()]
    return [group for group in groups if group.creator_job_id.hex() == job]
