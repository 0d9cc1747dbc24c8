"""A sweep none of whose trials runs: without room it ends, with room it waits for their processes."""

import time

import pytest
import ray
from ray.tune.experiment import Trial
from ray.util.placement_group import placement_group, placement_group_table, remove_placement_group

from platform.tuning.cluster.resources import TrialResources
from platform.tuning.errors import SweepBroken
from platform.tuning.stopping.room_watch import RoomWatch


@pytest.fixture
def step():
    """A step of Tune's, of a trial of one core that does not run; a wait of any length is too long."""
    watch = RoomWatch(TrialResources(1, 1, 0.0, "PACK", 1), timeout_s=0.0)
    trial = Trial("any", stub=True)
    assert trial.status == Trial.PENDING
    watch.on_step_begin(0, [trial])
    return lambda: watch.on_step_begin(1, [trial])


def test_a_trial_that_has_its_room_and_does_not_run_yet_is_waited_for(local_ray, step):
    place = placement_group([{"CPU": 1}])
    ray.get(place.ready())
    step()
    step()
    remove_placement_group(place)
    while placement_group_table(place)["state"] != "REMOVED":
        time.sleep(0.1)
    with pytest.raises(
        SweepBroken, match="no trial could start within 0 s: each needs 1 core; the machine has"
    ):
        step()


def test_what_others_of_the_job_hold_is_no_room(local_ray, step):
    other = placement_group([{"CPU": 2}])
    ray.get(other.ready())
    with pytest.raises(SweepBroken, match="no trial could start"):
        step()
    remove_placement_group(other)
