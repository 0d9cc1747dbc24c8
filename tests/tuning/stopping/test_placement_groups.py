"""Workers' places that nobody will give back, on a real Ray."""

import time
from typing import Any

import ray
from ray.util.placement_group import placement_group, placement_group_table, remove_placement_group

from platform.tuning.stopping.placement_groups import remove_orphaned_groups


class Holder:
    """Holds half a core, as Ray Train's controller holds its workers' places."""

    def hold(self):
        self.group = placement_group([{"CPU": 0.5}])
        ray.get(self.group.ready())
        return self.group.id.hex()


def state_of(name):
    return placement_group_table()[name]["state"]


def test_what_a_dead_actor_held_is_given_back_and_nothing_else(local_ray):
    holder: Any = ray.remote(num_cpus=0)(Holder)
    alive, dead = holder.remote(), holder.remote()
    kept, orphan = ray.get([alive.hold.remote(), dead.hold.remote()])
    own = placement_group([{"CPU": 0.5}])
    ray.get(own.ready())
    assert remove_orphaned_groups() == 0
    ray.kill(dead)
    until = time.monotonic() + 20
    while not (found := remove_orphaned_groups()) and time.monotonic() < until:
        time.sleep(0.05)
    assert found == 1
    while state_of(orphan) != "REMOVED" and time.monotonic() < until:
        time.sleep(0.05)
    assert [state_of(name) for name in (orphan, kept, own.id.hex())] == ["REMOVED", "CREATED", "CREATED"]
    assert remove_orphaned_groups() == 0
    remove_placement_group(own)
