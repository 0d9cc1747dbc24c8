"""The real data set: 20,000 images with labels that people gave, in a zip."""

import json

import numpy as np
import pytest

from platform.datasets.augmentation.augment import AugmentConfig
from platform.datasets.batches.loader import TrainLoader
from platform.datasets.data_config import DataConfig
from platform.datasets.images.image_stores import DenseImages
from platform.datasets.preparation.prepare import inspect, prepare

pytestmark = pytest.mark.sweep


@pytest.fixture(scope="module")
def source(test_data):
    file = test_data / "cifar10n.zip"
    if not file.exists():
        pytest.skip(f"no {file}; PLATFORM_TEST_DATA names the folder that holds it")
    return str(file)


def config(source, **fields):
    return DataConfig.model_validate_json(json.dumps({"source": source, "clean_label": "clean", **fields}))


@pytest.mark.parametrize(
    ("label", "wrong"), [("worse", 0.40), ("aggre", 0.09), ("random1", 0.17), ("clean", 0.0)]
)
def test_each_set_of_labels_is_as_wrong_as_it_is_said_to_be(source, label, wrong):
    from platform.datasets.preparation.listing import list_images
    from platform.datasets.preparation.manifest import make_manifest

    settings = config(source, label=label)
    manifest = make_manifest(list_images(settings).rows, settings, 0).table
    train = manifest[manifest["split"] != "test"]
    assert (train["label"] != train["clean"]).mean() == pytest.approx(wrong, abs=0.012)
    test = manifest[manifest["split"] == "test"]
    assert (test["label"] == test["clean"]).all()


def test_the_plan_of_it(source):
    summary = inspect(config(source, label="worse"))
    assert summary.reader == "labels_beside_images"
    assert summary.rows["test"] == 4000
    assert summary.rows["train"] + summary.rows["val"] == 20_000
    assert len(summary.classes) == 10


def test_it_is_decoded_and_trained_on(source):
    data = prepare(config(source, label="worse", imbalance=50), 32)
    assert isinstance(data.images, DenseImages)
    assert not data.bad
    assert data.images.image(0).shape == (32, 32, 3)
    np.testing.assert_allclose(data.mean, (0.49, 0.48, 0.45), atol=0.03)  # CIFAR-10's, about
    loader = TrainLoader(
        data, batch_size=64, image_size=32, augment=AugmentConfig(), seed=0, mean=data.mean, std=data.std
    )
    batch = next(loader.epoch(0))
    assert abs(float(batch.images.mean())) < 0.3
    assert 0.8 < float(batch.images.std()) < 1.2


def test_people_s_labels_as_noise_on_the_true_ones(source):
    noisy = inspect(config(source, label="clean", noise={"kind": "column", "column": "worse"}))
    assert noisy.rows["train"] + noisy.rows["val"] == 20_000
