import math

import pytest
import torch
from pydantic import TypeAdapter

from platform.training.optimisation.schedules import ScheduleConfig, build_schedule

CONFIG = TypeAdapter(ScheduleConfig)
LR, EPOCHS, STEPS = 0.5, 5, 4


def rates(section, steps=range(EPOCHS * STEPS)):
    """The learning rate of each step."""
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=LR)
    schedule = build_schedule(
        CONFIG.validate_python(section), optimiser, epochs=EPOCHS, steps_per_epoch=STEPS
    )
    found = []
    for step in steps:
        schedule.step_update(step)
        found.append(optimiser.param_groups[0]["lr"])
    return found


def warmed_up(step, warmup_steps):
    return LR / warmup_steps + step * (LR - LR / warmup_steps) / warmup_steps


def half_cosine(start, end, share):
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


def expected(section, step):
    warmup = round(section["warmup_epochs"] * STEPS)
    if section["name"] == "one_cycle":
        if step < warmup:
            return half_cosine(0.04 * LR, LR, step / warmup)
        return half_cosine(LR, 1e-4 * LR, (step - warmup) / (EPOCHS * STEPS - 1 - warmup))
    if step < warmup:
        return warmed_up(step, warmup)
    if section["name"] == "cosine":
        return half_cosine(LR, section.get("end_factor", 0) * LR, (step - warmup) / (EPOCHS * STEPS - warmup))
    if section["name"] == "step":
        return LR * 0.1 ** (step // (2 * STEPS))
    return LR


SECTIONS = [
    {"name": "cosine", "warmup_epochs": 0},
    {"name": "cosine", "warmup_epochs": 1.5, "end_factor": 0.1},
    {"name": "step", "warmup_epochs": 1, "step_epochs": 2},
    {"name": "constant", "warmup_epochs": 0},
    {"name": "constant", "warmup_epochs": 2},
    {"name": "one_cycle", "warmup_epochs": 0},
    {"name": "one_cycle", "warmup_epochs": 2},
]


@pytest.mark.parametrize("section", SECTIONS)
def test_each_step_has_the_rate_of_the_formula(section):
    assert rates(section) == pytest.approx([expected(section, step) for step in range(EPOCHS * STEPS)])


@pytest.mark.parametrize("section", SECTIONS)
def test_the_rate_depends_on_the_step_alone(section):
    backwards = list(reversed(range(EPOCHS * STEPS)))
    assert rates(section, backwards) == list(reversed(rates(section)))


@pytest.mark.parametrize("name", ["cosine", "step", "constant", "one_cycle"])
def test_a_warm_up_may_last_the_whole_trial(name):
    found = rates({"name": name, "warmup_epochs": EPOCHS})
    assert found == sorted(found)
    assert 0 < found[0] < found[-1] <= LR


@pytest.mark.parametrize("name", ["cosine", "step", "constant", "one_cycle"])
def test_no_step_is_wasted_on_a_rate_of_zero(name):
    assert all(rate > 0 for rate in rates({"name": name, "warmup_epochs": 1}))


SCALES = (1.0, 0.75, 0.1)


@pytest.mark.parametrize("section", SECTIONS)
def test_each_groups_rate_is_its_share_of_the_heads(section):
    groups = [{"params": [torch.nn.Parameter(torch.zeros(1))], "lr_scale": scale} for scale in SCALES]
    optimiser = torch.optim.SGD(groups, lr=LR)
    schedule = build_schedule(
        CONFIG.validate_python(section), optimiser, epochs=EPOCHS, steps_per_epoch=STEPS
    )
    for step, of_head in enumerate(rates(section)):
        schedule.step_update(step)
        found = [group["lr"] for group in optimiser.param_groups]
        assert found == pytest.approx([scale * of_head for scale in SCALES]), step
