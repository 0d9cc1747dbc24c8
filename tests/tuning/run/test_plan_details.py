"""What ``--plan`` adds with ``--all``, ``--time`` and ``--gpus``."""

import io

import pytest
from rich.console import Console

from platform.config.load import load_space
from platform.search_options import misuse, parser_of_search
from platform.tuning.run.plan import as_text, make_plan
from platform.tuning.run.plan_details import all_settings, data_of, estimated_time
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig

SPACE = """
epochs: 4
batch_size: 256
image_size: 8
model: {backbone: test_resnet}
method: {name: cross_entropy}
optim: {name: sgd, lr: {loguniform: [1e-2, 1e-1]}}
search: {trials: 10}
"""


@pytest.fixture
def loaded(tmp_path):
    (tmp_path / "space.yaml").write_text(SPACE)
    return load_space(tmp_path / "space.yaml", SweepConfig, fixed=SWEEP_FIELDS)


def test_all_settings_are_shown_and_which_are_defaults(loaded):
    file = io.StringIO()
    Console(file=file, width=200).print(all_settings(loaded))
    rows = {line.split()[0]: line.split()[1:] for line in file.getvalue().splitlines()}
    assert rows["epochs"] == ["4"] and rows["optim.name"] == ["sgd"]
    assert rows["optim.momentum"][-1] == "default" and rows["ema"] == ["null", "default"]
    assert "optim.lr" not in rows, "it is searched"


def test_the_time_is_estimated_from_measured_steps(loaded):
    plan = make_plan(loaded, "night")
    step, epoch, sweep = estimated_time(loaded, plan, data_of(plan))
    assert step.startswith("a step takes ") and "6 steps" in epoch
    assert sweep.startswith("a trial takes up to ")


def test_a_plan_for_gpus_that_are_not_there(loaded):
    text = " ".join(as_text(make_plan(loaded, "night", gpus=8)).split())
    assert "10, 8 at once on 8 GPUs" in text
    assert (
        "a trial has the machine's cores over its GPUs, and 1 GPU; bf16 if the GPU has it, else fp32, "
        "channels_last for convolutional networks"
    ) in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["a.yaml", "--gpus", "8"], "--gpus: needs --plan"),
        (["a.yaml", "--plan", "--gpus", "0"], "--gpus: must be at least 1, got 0"),
        (["a.yaml", "--plan", "--gpus", "2", "--time"], "--time: measures this machine"),
        (["a.yaml", "--plan", "--all", "--time"], None),
    ],
)
def test_options_that_belong_to_a_plan(arguments, said):
    found = misuse(parser_of_search().parse_intermixed_args(arguments))
    assert found is None if said is None else found.startswith(said)
