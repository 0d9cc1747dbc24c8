"""What the plan says that each trial computes with."""

import pytest

from platform.tuning.cluster.resources import TrialResources
from platform.tuning.run.equipment import equipment
from platform.tuning.settings.sweep_config import SweepConfig

ON_CPU = TrialResources(1, 1, 0.0, "PACK", 2)
ON_GPUS = TrialResources(4, 8, 1.0, "PACK", 2)


def config_of(**sections):
    return SweepConfig.model_validate(
        {"model": {"backbone": "resnet18"}, "method": {"name": "cross_entropy"}} | sections, strict=False
    )


@pytest.mark.parametrize(
    ("sections", "resources", "searched", "expected"),
    [
        ({}, ON_CPU, (), "1 core; fp32"),
        ({"precision": "measured"}, ON_CPU, (), "1 core; fp32 or bf16, whichever is measured to be faster"),
        ({"precision": "bf16", "channels_last": True}, ON_CPU, (), "1 core; bf16, channels_last"),
        ({}, ON_CPU, ("precision", "channels_last"), "1 core; precision as drawn"),
        (
            {"resources": {"workers": 4}, "precision": "fp16", "channels_last": False},
            ON_GPUS,
            (),
            "4 workers, each with the machine's cores over its GPUs, and 1 GPU; fp16",
        ),
        (
            {},
            None,
            (),
            "a machine's cores over its GPUs (of several kinds of machines the fewest), or 1 core without "
            "GPUs; bf16 if the GPU has it, else fp32, channels_last for convolutional networks",
        ),
        (
            {"resources": {"cpus_per_worker": 3}},
            None,
            (),
            "3 cores; bf16 if the GPU has it, else fp32, channels_last for convolutional networks",
        ),
    ],
)
def test_cores_gpu_format_and_layout_are_said(sections, resources, searched, expected):
    is_here = resources is ON_CPU or resources is None
    assert equipment(config_of(**sections), resources, searched, is_here=is_here) == expected
