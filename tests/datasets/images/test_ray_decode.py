"""Decoding with a real Ray, whose object store is smaller than the data."""

import numpy as np
import pytest
import ray

from platform.datasets.augmentation.augment import AugmentConfig
from platform.datasets.batches.loader import TrainLoader
from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError
from platform.datasets.images import ray_decode
from platform.datasets.images.image_stores import DenseImages, LazyImages, RaggedImages
from platform.datasets.images.ray_decode import decode_with_ray
from platform.datasets.preparation.prepare import prepare

STORE = 80 * 2**20  # bytes: about the least that Ray accepts


@pytest.fixture(scope="module", autouse=True)
def small_ray(root):
    ray.init(
        address="local",
        num_cpus=2,
        object_store_memory=STORE,
        include_dashboard=False,
        log_to_driver=False,
        runtime_env={"env_vars": {"PYTHONPATH": str(root)}},
    )
    yield
    ray.shutdown()


@pytest.fixture(params=[0.0, 60.0], ids=["by Ray's tasks", "here"])
def _decoded_both_ways(request, monkeypatch):
    monkeypatch.setattr(ray_decode, "HERE_S", request.param)


def describe(data):
    """Runs in a worker: what it sees of the data."""
    loader = TrainLoader(
        data, batch_size=16, image_size=8, augment=AugmentConfig(), seed=0, mean=data.mean, std=data.std
    )
    total = sum(float(batch.images.double().sum()) for batch in loader.epoch(0))
    pixels = data.images.pixels
    return data.digest, total, pixels.flags.writeable, pixels.flags.owndata


def assert_same(first, second):
    assert first.digest == second.digest
    assert first.bad == second.bad
    assert first.mean == second.mean
    assert len(first.images) == len(second.images)
    for row in range(len(first.images)):
        assert np.array_equal(first.images.image(row), second.images.image(row))


@pytest.mark.sweep
@pytest.mark.usefixtures("_decoded_both_ways")
def test_digits_decoded_by_ray_reach_a_worker_without_a_copy():
    here = prepare(DataConfig(imbalance=5), 8)
    told = []
    data = prepare(
        DataConfig(imbalance=5),
        8,
        decode=decode_with_ray,
        progress=lambda done, total: told.append((done, total)),
    )
    assert told[-1] == (1797, 1797)
    assert isinstance(data.images, DenseImages)
    assert_same(here, data)
    digest, total, writeable, owns = ray.get(ray.remote(describe).remote(ray.put(data)))
    assert (digest, total) == describe(here)[:2]
    assert not writeable  # it lies in the object store
    assert not owns


def test_what_travels_is_a_reference():
    data = prepare(DataConfig(), 8, decode=decode_with_ray)
    assert isinstance(data.images, DenseImages)
    assert len(ray.cloudpickle.dumps(data.images)) < data.images.pixels.nbytes / 20


@pytest.mark.usefixtures("_decoded_both_ways")
def test_images_of_several_sizes_and_bad_ones(tmp_path, make_classes, save_image):
    make_classes(tmp_path, {"cat": 90, "dog": 60})
    save_image(tmp_path / "cat" / "tall.png", 40, 20)
    (tmp_path / "dog" / "page.jpg").write_text("<html>")
    (tmp_path / "cat" / "empty.jpg").write_bytes(b"")
    config = DataConfig(source=str(tmp_path), max_bad=0.1)
    data = prepare(config, 12, decode=decode_with_ray)
    assert isinstance(data.images, RaggedImages)
    assert [bad.path for bad in data.bad] == ["cat/empty.jpg", "dog/page.jpg"]
    assert_same(prepare(config, 12), data)


def test_too_many_bad_ones_are_refused_with_ray_too(tmp_path, make_classes):
    make_classes(tmp_path, {"cat": 4, "dog": 4})
    (tmp_path / "dog" / "page.jpg").write_text("<html>")
    with pytest.raises(DataError, match=r"1 of 9 images .* dog/page\.jpg \(not an image"):
        prepare(DataConfig(source=str(tmp_path)), 12, decode=decode_with_ray)


@pytest.mark.sweep
def test_what_does_not_fit_is_read_as_the_loader_goes(tmp_path, make_classes, caplog):
    make_classes(tmp_path, {"cat": 45, "dog": 45}, height=500, width=500)
    (tmp_path / "dog" / "page.jpg").write_text("<html>")
    config = DataConfig(source=str(tmp_path), decode_size=500, max_bad=0.1)
    data = prepare(config, 500, decode=decode_with_ray)
    assert isinstance(data.images, LazyImages)
    assert [bad.path for bad in data.bad] == ["dog/page.jpg"]  # found all the same, before any trial
    assert "more than 80% of Ray's object store" in caplog.text
    assert data.digest == prepare(config, 500).digest
    batch = next(
        iter(
            TrainLoader(
                data,
                batch_size=4,
                image_size=32,
                augment=AugmentConfig(),
                seed=0,
                mean=data.mean,
                std=data.std,
            ).epoch(0)
        )
    )
    assert batch.images.shape == (4, 3, 32, 32)
