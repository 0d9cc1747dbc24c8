import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

from platform.training.trial.trial_config import TrialConfig

ROOT = Path(__file__).parents[3]
SMALLEST = {"model": {"backbone": "resnet18"}, "method": {"name": "peer"}}


def test_importing_it_leaves_heavy_packages_alone():
    heavy = {"timm", "torchvision", "torchmetrics", "mlflow", "ray", "sklearn"}
    code = f"import platform.training.trial.trial_config, sys; print(sorted({heavy} & set(sys.modules)))"
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert printed.stdout == "[]\n"


@pytest.mark.parametrize("name", ["cosine", "step", "constant", "one_cycle"])
def test_it_survives_dumping(name):
    config = TrialConfig.model_validate(SMALLEST | {"schedule": {"name": name}, "ema": {}})
    assert TrialConfig.model_validate_json(config.model_dump_json()) == config
    assert TrialConfig.model_validate(config.model_dump(mode="json"), strict=False) == config


def test_each_network_has_its_section():
    peer = {"backbone": "convnext_atto"}
    names = [
        [model.backbone for model in TrialConfig.model_validate(SMALLEST | change).models]
        for change in ({}, {"peer_model": peer}, {"method": {"name": "cross_entropy"}})
    ]
    assert names == [["resnet18", "resnet18"], ["resnet18", "convnext_atto"], ["resnet18"]]


@pytest.mark.parametrize(
    ("change", "path", "message"),
    [
        (
            {"method": {"name": "cross_entropy"}, "peer_model": {"backbone": "resnet18"}},
            "peer_model",
            "cross_entropy trains one network",
        ),
        (
            {"method": {"name": "cross_entropy"}, "retrieval": {"networks": "second"}},
            "retrieval.networks",
            "cross_entropy trains one network",
        ),
        ({"model": {"backbone": "vit_tiny_patch16_224"}, "image_size": 40}, "image_size", "multiple of 16"),
        (
            {"peer_model": {"backbone": "vit_tiny_patch16_224"}, "image_size": 40},
            "image_size",
            "multiple of 16",
        ),
        ({"augment": {"padding": 32}, "image_size": 32}, "augment.padding", "must be < image_size (32)"),
        ({"optim": {"momentum": 0.0}}, "momentum", "must be > 0 with nesterov"),
    ],
)
def test_combinations_that_cannot_be_are_refused_at_their_field(change, path, message):
    with pytest.raises(ValidationError) as raised:
        TrialConfig.model_validate(SMALLEST | change)
    (error,) = raised.value.errors()
    assert error["type"] == "combination"
    assert error["ctx"]["problems"][0].path == path
    assert message in error["ctx"]["problems"][0].message


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 0},
        {"batch_size": 1},
        {"seed": -1},
        {"seed": True},
        {"image_size": 4},
        {"precision": "fp8"},
        {"channels_last": "yes"},
        {"optim": {"lr": 0}},
        {"optim": {"lr": float("inf")}},
        {"optim": {"momentum": 1.0}},
        {"optim": {"clip_norm": 0}},
        {"ema": {"decay": 1.0}},
        {"schedule": {"name": "linear"}},
        {"schedule": {"name": "cosine", "gamma": 0.1}},
        {"method": {"name": "peer", "drop_rate": 1.4}},
    ],
)
def test_values_out_of_range_are_refused(change):
    with pytest.raises(ValidationError):
        TrialConfig.model_validate(SMALLEST | change)


def test_plain_sgd_without_momentum_is_allowed():
    config = TrialConfig.model_validate(SMALLEST | {"optim": {"momentum": 0.0, "nesterov": False}})
    assert config.optim.momentum == 0
