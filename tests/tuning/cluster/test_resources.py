"""What a trial gets of what is there."""

import pytest

from platform.config.errors import UserError
from platform.tuning.cluster.resources import trial_resources
from platform.tuning.settings.sweep_config import ResourcesConfig


@pytest.mark.parametrize(
    ("config", "there", "expected"),
    [
        (ResourcesConfig(), {"CPU": 2.0}, (1, 0.0, 2)),
        (ResourcesConfig(cpus_per_worker=2), {"CPU": 5.0}, (2, 0.0, 2)),
        (ResourcesConfig(), {"CPU": 64.0}, (1, 0.0, 10)),
        (ResourcesConfig(), {"CPU": 16.0, "GPU": 4.0}, (4, 1.0, 4)),
        (ResourcesConfig(), {"CPU": 2.0, "GPU": 4.0}, (1, 1.0, 2)),
        (ResourcesConfig(gpus_per_worker=0.25), {"CPU": 16.0, "GPU": 1.0}, (4, 0.25, 4)),
        (ResourcesConfig(gpus_per_worker=0.1), {"CPU": 32.0, "GPU": 1.0}, (3, 0.1, 10)),
        (ResourcesConfig(gpus_per_worker=0.6), {"CPU": 32.0, "GPU": 2.0}, (16, 0.6, 2)),
        (ResourcesConfig(cpus_per_worker=2), {"CPU": 32.0, "GPU": 2.0}, (2, 1.0, 2)),
        (ResourcesConfig(gpus_per_worker=0.0), {"CPU": 3.0, "GPU": 1.0}, (1, 0.0, 3)),
        (ResourcesConfig(max_concurrent_trials=1), {"CPU": 4.0}, (1, 0.0, 1)),
        (ResourcesConfig(max_concurrent_trials=5), {"CPU": 4.0}, (1, 0.0, 4)),
    ],
)
def test_as_many_trials_run_as_fit(config, there, expected):
    found = trial_resources(config, [there], trials=10)
    assert (found.cpus, found.gpus, found.concurrency) == expected


def test_machines_are_counted_one_by_one():
    two_of_four = [{"CPU": 4.0}, {"CPU": 4.0}]
    assert trial_resources(ResourcesConfig(cpus_per_worker=3), two_of_four, trials=10).concurrency == 2
    with pytest.raises(UserError, match="a worker needs 6 cores, but the machines have 4 cores$"):
        trial_resources(ResourcesConfig(cpus_per_worker=6), two_of_four, trials=10)


def test_a_machine_with_the_cores_and_another_with_the_gpu_are_not_one():
    nodes = [{"CPU": 8.0}, {"CPU": 2.0, "GPU": 1.0}, {"CPU": 8.0}]
    words = "a worker needs 4 cores and 1 GPU, but the machines have 8 cores, 2 cores and 1 GPU$"
    with pytest.raises(UserError, match=f"^resources.cpus_per_worker: {words}"):
        trial_resources(ResourcesConfig(cpus_per_worker=4), nodes, trials=10)


def test_a_trial_without_a_gpu_stays_on_the_cpu():
    there = [{"CPU": 4.0, "GPU": 1.0}]
    assert trial_resources(ResourcesConfig(gpus_per_worker=0.0), there, trials=1).device == "cpu"
    assert trial_resources(ResourcesConfig(), there, trials=1).device == "cuda"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (
            ResourcesConfig(cpus_per_worker=3),
            "resources.cpus_per_worker: a worker needs 3 cores, but the machine has 2 cores$",
        ),
        (
            ResourcesConfig(gpus_per_worker=1.0),
            "resources.gpus_per_worker: a worker needs 1, but no machine has more than 0",
        ),
    ],
)
def test_what_can_never_fit_is_refused_at_once(config, words):
    with pytest.raises(UserError, match=words):
        trial_resources(config, [{"CPU": 2.0}], trials=10)


@pytest.mark.parametrize(
    ("workers", "placement", "nodes", "concurrency"),
    [
        (2, "PACK", [2.0], 1),
        (2, "PACK", [3.0, 3.0], 3),
        (2, "STRICT_PACK", [3.0, 3.0], 2),
        (2, "STRICT_SPREAD", [4.0, 1.0, 1.0], 2),
        (3, "SPREAD", [1.0, 1.0, 4.0], 2),
        (3, "STRICT_SPREAD", [1.0, 1.0, 4.0], 1),
    ],
)
def test_all_workers_of_the_trials_that_run_at_once_fit(workers, placement, nodes, concurrency):
    config = ResourcesConfig(workers=workers, placement=placement)
    assert trial_resources(config, [{"CPU": cpus} for cpus in nodes], 10).concurrency == concurrency


@pytest.mark.parametrize(
    ("placement", "nodes", "words"),
    [
        (
            "PACK",
            [2.0],
            "a trial needs 3 workers of 1 core, placed PACK, but there is room for 2 on 1 machine",
        ),
        ("STRICT_PACK", [2.0, 2.0], "placed STRICT_PACK, but there is room for 4 on 2 machines"),
        ("STRICT_SPREAD", [2.0, 2.0], "placed STRICT_SPREAD, but there is room for 4 on 2 machines"),
    ],
)
def test_a_group_of_workers_that_can_never_fit_is_refused_at_once(placement, nodes, words):
    config = ResourcesConfig(workers=3, placement=placement)
    with pytest.raises(UserError, match=words):
        trial_resources(config, [{"CPU": cpus} for cpus in nodes], 10)


def test_of_different_machines_automatic_cores_are_the_fewest_over_their_gpus():
    nodes = [{"CPU": 64.0, "GPU": 4.0}, {"CPU": 96.0, "GPU": 8.0}, {"CPU": 128.0}]
    found = trial_resources(ResourcesConfig(), nodes, trials=20)
    assert (found.cpus, found.concurrency) == (12, 12), "no GPU is left idle"


def test_automatic_cores_of_workers_that_share_a_batch():
    found = trial_resources(ResourcesConfig(workers=4), [{"CPU": 32.0, "GPU": 8.0}], trials=20)
    assert (found.cpus, found.gpus, found.concurrency) == (4, 1.0, 2)
