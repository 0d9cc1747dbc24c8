"""A trial of several workers under a real Ray Train, of which one alone cannot go on."""

import time

import numpy as np
import pytest
from PIL import Image
from ray import tune
from ray.util.placement_group import placement_group_table

from platform.datasets.data_config import DataConfig
from platform.datasets.images.decode import decode_here, lazily
from platform.datasets.preparation.prepare import prepare
from platform.storage.folder import Folder
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.cluster.library_logs import SETTINGS
from platform.tuning.cluster.resources import TrialResources
from platform.tuning.trial.kept_checkpoints import Keeping
from platform.tuning.trial.spread_trial import Group, run_spread_trial
from platform.tuning.trial.trainable import Place

TRIAL = {
    "epochs": 2,
    "batch_size": 16,
    "image_size": 16,
    "model": {"backbone": "test_resnet"},
    "method": {"name": "cross_entropy"},
    "schedule": {"name": "constant", "warmup_epochs": 0},
}


@pytest.fixture
def data(tmp_path):
    """Images that are read from their files each time, as where they do not fit into memory."""
    random = np.random.default_rng(0)
    for label in ("cat", "dog"):
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(24):
            pixels = random.integers(0, 255, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "photos" / label / f"{number}.png")
    config = DataConfig(source=str(tmp_path / "photos"), val_share=0.25)
    return prepare(config, 16, decode=lambda job: lazily(job, decode_here(job).facts))


def test_an_error_that_one_worker_meets_ends_the_trial_at_once(local_ray, data, tmp_path, monkeypatch):
    """The other one waits for it in a collective, where it would wait for half an hour."""
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    gone = data.manifest["path"][data.rows("train")[0]]
    (tmp_path / "photos" / gone).unlink()
    (tmp_path / "logs").mkdir()
    place = Place("cpu", 1, tmp_path / "logs", Keeping(Folder.of(tmp_path / "trials"), "val/loss", "min", 1))
    group = Group(TrialResources(2, 1, 0.0, "PACK", 1), max_failures=3, start_timeout_s=600)
    trainable = tune.with_parameters(run_spread_trial, data=data, place=place, group=group)
    config = TrialConfig.model_validate(TRIAL, strict=False).model_dump(mode="json")
    tuner = tune.Tuner(
        tune.with_resources(trainable, {"cpu": 0, "memory": 1}),
        param_space={"number": 0, "parameters": {}, "trial": config},
        run_config=tune.RunConfig(storage_path=str(tmp_path / "tune"), verbose=0),
    )
    started = time.monotonic()
    results = tuner.fit()
    assert time.monotonic() - started < 800
    assert len(results) == 1
    result = results[0]
    assert result.metrics["failure"].startswith(f"DataError: data.source: {tmp_path}/photos: {gone} could be")
    assert result.metrics["epoch"] == 0
    groups = [group for group in placement_group_table().values() if len(group["bundles"]) == 2]
    assert [group["state"] for group in groups] == ["REMOVED"], "no second attempt, and nothing is held"
