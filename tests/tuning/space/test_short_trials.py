"""Warm-ups, ramps and rungs beyond a trial's end: said, not refused."""

from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.space.short_trials import too_short_for


def config(**sections):
    base = {
        "epochs": 2,
        "image_size": 16,
        "model": {"backbone": "test_resnet"},
        "method": {"name": "cross_entropy"},
        "augment": {"crop": "none"},
    }
    return SweepConfig.model_validate(base | sections)


def test_each_setting_beyond_the_end_is_a_line_with_its_largest_value():
    long = {
        "schedule": {"name": "cosine", "warmup_epochs": 3.5},
        "search": {"scheduler": {"name": "asha", "grace_period": 5}},
    }
    corners = [config(method={"name": "peer", "ramp_epochs": ramp}, **long) for ramp in (1, 8)]
    assert too_short_for(corners) == [
        "schedule.warmup_epochs 3.5 is more than a trial has (2 epochs): the learning rate does not get to "
        "optim.lr",
        "search.scheduler.grace_period 5 is more than a trial has (2 epochs): asha does not stop it",
        "method.ramp_epochs 8 is more than a trial has (2 epochs): it does not come to its end",
    ]


def test_a_stage_is_named():
    stages = [{"epochs": 1}, {"epochs": 1, "schedule": {"name": "cosine", "warmup_epochs": 2.0}}]
    (line,) = too_short_for([config(stages=stages)])
    assert line.startswith("stages.1.schedule.warmup_epochs 2 is more than its stage has (1 epoch)")


def test_nothing_is_said_where_everything_fits():
    assert too_short_for([config()]) == []
