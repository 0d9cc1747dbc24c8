"""resources.start_timeout_s: a trial whose workers find no room, in a real sweep on a real Ray."""

import pytest
import ray
from ray.util.placement_group import placement_group, placement_group_table

from platform.config.load import load_space
from platform.datasets.images.available_cores import usable_cores
from platform.tracking.reading.reader import read_sweep
from platform.tuning.cluster.join import leave
from platform.tuning.cluster.library_logs import SETTINGS
from platform.tuning.cluster.resources import cores_and_gpus
from platform.tuning.errors import SweepBroken
from platform.tuning.folder.which_folder import new_folder
from platform.tuning.run.plan import make_plan
from platform.tuning.run.sweep import run_sweep
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig

pytestmark = pytest.mark.sweep

SPACE = """
name: crowded
epochs: 1
batch_size: 64
image_size: 8
data: {source: digits}
model: {backbone: test_resnet}
method: {name: cross_entropy}
schedule: {name: constant, warmup_epochs: 0}
resources: {workers: 2, gpus_per_worker: 0.0, start_timeout_s: 1.5}
"""
CAUSE = "resources.start_timeout_s: 2 workers of 1 core, placed PACK, could not start within 1.5 s"


@pytest.fixture
def held():
    """The groups that hold cores, by their ids; Ray ends afterwards."""
    yield {}
    leave()


@pytest.fixture
def crowded(held, tmp_path, monkeypatch):
    """``crowded(text)``: a sweep's folder and end, run while others hold all cores but one."""

    def run(text):
        for name, value in {**SETTINGS, "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}.items():
            monkeypatch.setenv(name, value)
        (tmp_path / "space.yaml").write_text(text)
        loaded = load_space(tmp_path / "space.yaml", SweepConfig, fixed=SWEEP_FIELDS)
        folder = new_folder(tmp_path / "runs", "crowded", is_given=True)

        def hold_all_cores_but_one(news):
            """Told of each step: at the first, Ray is there, and the sweep is planned with all its cores."""
            if not held:
                group = placement_group([{"CPU": 1}] * (usable_cores() - 1))
                ray.get(group.ready())
                held[group.id.hex()] = group

        plan = make_plan(loaded, "crowded")
        return folder, run_sweep(loaded, plan, folder, address=None, say=hold_all_cores_but_one)

    return run


def test_a_trial_without_its_workers_in_time_fails_by_name_and_the_sweep_ends(held, crowded):
    folder, end = crowded(SPACE)
    assert (end.succeeded, end.failures, end.is_interrupted) == (0, [CAUSE], False)

    others = [group["state"] for name, group in placement_group_table().items() if name not in held]
    assert others and set(others) == {"REMOVED"}
    record = folder.read_record()
    [trial] = read_sweep(record.tracking_uri, record.parent_run_id).trials
    assert (trial.outcome, trial.cause, trial.attempt) == ("failed", CAUSE, 1)


def test_a_sweep_none_of_whose_trials_finds_room_ends_and_says_what_is_asked_and_there(crowded):
    asked = f"cpus_per_worker: {usable_cores()}"
    space = SPACE.replace("workers: 2", asked).replace("timeout_s: 1.5", "timeout_s: 3")
    every = cores_and_gpus(usable_cores(), 0)
    words = f"no trial could start within 3 s: each needs {every}; the machine has {every}"
    with pytest.raises(SweepBroken, match=f"^resources.start_timeout_s: {words}"):
        crowded(space)


def test_a_trial_that_has_room_takes_as_long_to_start_as_it_takes(crowded):
    """Its process imports torch, which takes seconds on any machine."""
    text = SPACE.replace("workers: 2", "workers: 1").replace("timeout_s: 1.5", "timeout_s: 0.2")
    _, end = crowded(text)
    assert (end.succeeded, end.failures) == (1, [])
