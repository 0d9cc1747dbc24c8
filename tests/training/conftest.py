"""A few real digits, with wrong labels, and a trial on them that takes a moment."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.prepare import prepare
from platform.training.trial.trial_config import TrialConfig


@pytest.fixture(scope="session")
def noisy_digits():
    """94 training and 40 validation digits of 8 px, a third of the training labels wrong."""
    config = DataConfig.model_validate(
        {"source": "digits", "imbalance": 5, "noise": {"kind": "symmetric", "rate": 0.33}}
    )
    data = prepare(config, 8)
    few = np.sort(np.concatenate([data.rows("train")[:94], data.rows("val")[:40], data.rows("test")[:30]]))
    manifest = data.manifest.iloc[few].reset_index(drop=True)
    return replace(data, manifest=manifest, images=data.images.take(few))


@pytest.fixture
def make_config():
    """A trial's config from the sections that a test cares about."""

    def make(**sections):
        values = {
            "epochs": 3,
            "batch_size": 32,
            "image_size": 16,
            "augment": {"horizontal_flip": 0.0},
            "model": {"backbone": "test_resnet", "dropout": 0.1},
            "method": {"name": "peer", "ramp_epochs": 2},
            "optim": {"lr": 0.02},
        }
        return TrialConfig.model_validate(values | sections, strict=False)

    return make


def _differences(one, other, path="state"):
    """Where two states are not equal, bit for bit."""
    if isinstance(one, torch.Tensor):
        return [] if torch.equal(one, other) and one.dtype == other.dtype else [path]
    if isinstance(one, dict):
        assert one.keys() == other.keys(), path
        return [found for key in one for found in _differences(one[key], other[key], f"{path}.{key}")]
    if isinstance(one, list | tuple):
        assert len(one) == len(other), path
        return [
            found
            for place, pair in enumerate(zip(one, other, strict=True))
            for found in _differences(*pair, f"{path}.{place}")
        ]
    return [] if one == other or ".time/" in path else [path]


@pytest.fixture
def differences():
    """Where two states of a trainer are not equal, bit for bit."""
    return _differences
