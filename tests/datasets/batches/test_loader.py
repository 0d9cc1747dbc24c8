"""A crop is the same in any batch, order, storage and thread."""

import json
import pickle
import threading
from typing import Any

import numpy as np
import pytest
import torch

from platform.datasets.augmentation.appearance import Appearance
from platform.datasets.augmentation.appearance_config import (
    ColorJitter,
    Cutout,
    RandomErasing,
    TrivialAugmentWide,
)
from platform.datasets.augmentation.augment import AugmentConfig
from platform.datasets.batches import croppers, device_gather
from platform.datasets.batches.loader import EvalLoader, TrainLoader
from platform.datasets.data_config import DataConfig
from platform.datasets.geometry import KeptSize
from platform.datasets.image_size import as_size
from platform.datasets.images.decode import DecodeJob, decode_here
from platform.datasets.images.image_stores import DenseImages, LazyImages, RaggedImages
from platform.datasets.preparation.prepare import prepare
from platform.datasets.sources.source import open_source

AUGMENTS = {
    "none": AugmentConfig(crop="none", horizontal_flip=0.0),
    "padded": AugmentConfig(crop="padded", padding=3, padding_mode="constant"),
    "random_resized": AugmentConfig(crop="random_resized"),
    "resized": AugmentConfig(crop="resized", resize=1.25),
    "appearance": AugmentConfig(
        policy=TrivialAugmentWide(),
        color_jitter=ColorJitter(contrast=0.5, hue=0.1),
        random_erasing=RandomErasing(probability=0.5, value="noise"),
    ),
}


@pytest.fixture(scope="module")
def digits():
    noise = {"kind": "symmetric", "rate": 0.4}
    return prepare(DataConfig.model_validate_json(json.dumps({"imbalance": 20, "noise": noise})), 8)


def train_loader(data, image_size=8, augment=AUGMENTS["padded"], **settings):
    defaults = {"batch_size": 32, "seed": 0, "mean": data.mean, "std": data.std}
    return TrainLoader(data, image_size=image_size, augment=augment, **{**defaults, **settings})


def eval_loader(data, split="val", image_size=8, **settings):
    defaults = {"batch_size": 32, "mean": data.mean, "std": data.std}
    return EvalLoader(data, split, image_size=image_size, **{**defaults, **settings})


def by_row(batches):
    """{row: (picture as bytes, label)}"""
    return {
        int(row): (image.numpy().tobytes(), int(label))
        for batch in batches
        for image, label, row in zip(batch.images, batch.labels, batch.rows, strict=True)
    }


def with_images(data, images):
    return type(data)(**{**data.__dict__, "images": images})


def test_a_batch_is_what_a_network_takes(digits):
    batch = next(iter(train_loader(digits).epoch(0)))
    assert batch.images.shape == (32, 3, 8, 8)
    assert batch.images.dtype == torch.float32
    assert batch.images.is_contiguous(memory_format=torch.channels_last)
    assert batch.labels.dtype == batch.rows.dtype == torch.int64
    assert len(batch) == 32
    no_true_labels = {"images", "labels", "rows", "second", "targets", "taught", "weights"}
    assert set(vars(batch)) == no_true_labels


def test_an_epoch_has_each_training_row_once_with_its_given_label(digits):
    found = by_row(train_loader(digits).epoch(0))
    assert sorted(found) == digits.rows("train").tolist()
    given = digits.manifest["label"]
    assert all(label == given[row] for row, (_, label) in found.items())
    assert (digits.given("train") != digits.clean("train")).any()


def test_without_augmentation_pictures_are_the_normalised_images(digits):
    mean, std = np.array(digits.mean), np.array(digits.std)
    for batch in train_loader(digits, augment=AUGMENTS["none"]).epoch(0):
        for image, row in zip(batch.images, batch.rows, strict=True):
            expected = (digits.images.image(int(row)) / 255 - mean) / std
            np.testing.assert_allclose(image.permute(1, 2, 0).numpy(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("augment", AUGMENTS.values(), ids=AUGMENTS)
@pytest.mark.parametrize("image_size", [8, 15, (16, 8)])
def test_a_picture_does_not_depend_on_its_batch(digits, augment, image_size):
    first = by_row(train_loader(digits, image_size, augment).epoch(3))
    assert by_row(train_loader(digits, image_size, augment, batch_size=7, threads=3).epoch(3)) == first
    if augment.horizontal_flip:
        assert by_row(train_loader(digits, image_size, augment).epoch(4)) != first
        assert by_row(train_loader(digits, image_size, augment, seed=1).epoch(3)) != first


@pytest.mark.parametrize("image_size", [(8, 8), (72, 72), (72, 36)])
def test_pictures_are_changed_as_appearance_says_after_they_are_cut(digits, image_size):
    plain: dict[str, Any] = {"crop": "padded", "padding": 3}
    with_cutout = AugmentConfig(**plain, cutout=Cutout(size=4))
    before = by_row(
        train_loader(digits, image_size, AugmentConfig(**plain), mean=(0,) * 3, std=(1,) * 3).epoch(2)
    )
    after = train_loader(digits, image_size, with_cutout, mean=(0,) * 3, std=(1,) * 3).epoch(2)
    appearance = Appearance(with_cutout, as_size(image_size), 0, (0.0, 0.0, 0.0))
    batch = next(after)
    rows = batch.rows.numpy()
    given = np.stack(
        [np.frombuffer(before[row][0], dtype=np.float32).reshape(3, *image_size) for row in rows]
    )
    pixels = np.rint(given.transpose(0, 2, 3, 1) * 255).astype(np.uint8)
    expected = appearance.prepare(2, rows)(pixels, slice(0, len(rows)))
    assert (expected != pixels).any()
    assert torch.equal((batch.images * 255).round().byte(), torch.from_numpy(expected).permute(0, 3, 1, 2))


@pytest.mark.parametrize("crop", ["none", "padded", "resized"])
@pytest.mark.parametrize("image_size", [8, 72, (24, 12)])
def test_pictures_gathered_where_the_network_is_are_the_same(digits, crop, image_size, monkeypatch):
    augment = AUGMENTS[crop]
    expected = (
        by_row(train_loader(digits, image_size, augment).epoch(1)),
        by_row(eval_loader(digits, "val", 12)),
    )
    monkeypatch.setattr(device_gather, "DEVICES", ("cpu",))  # as on a GPU
    there = train_loader(digits, image_size, augment)
    assert there._feed._there is not None
    assert (by_row(there.epoch(1)), by_row(eval_loader(digits, "val", 12))) == expected


def test_the_order_is_a_function_of_seed_and_epoch(digits):
    def order(seed, epoch):
        return [row for batch in train_loader(digits, seed=seed).epoch(epoch) for row in batch.rows.tolist()]

    assert order(0, 1) == order(0, 1)
    assert len({tuple(order(seed, epoch)) for seed in (0, 1) for epoch in (0, 1)}) == 4


@pytest.mark.parametrize("image_size", [12, (16, 8)])
@pytest.mark.parametrize("augment", AUGMENTS.values(), ids=AUGMENTS)
def test_pictures_do_not_depend_on_how_images_are_stored(digits, augment, image_size, monkeypatch):
    expected = by_row(train_loader(digits, image_size, augment).epoch(0))
    flat = digits.images.pixels[digits.images.index].reshape(-1)
    offsets = np.arange(len(digits.images)) * 8 * 8 * 3
    ragged = RaggedImages(flat, offsets, np.array(digits.images.shapes))
    assert by_row(train_loader(with_images(digits, ragged), image_size, augment).epoch(0)) == expected
    lazy = LazyImages(
        open_source("digits"), digits.manifest["path"], KeptSize.exactly(8), digits.images.shapes
    )
    assert by_row(train_loader(with_images(digits, lazy), image_size, augment).epoch(0)) == expected
    monkeypatch.setattr(croppers, "RESIZED_BYTES", 0)  # as for so many images that they are resized each time
    assert by_row(train_loader(digits, image_size, augment).epoch(0)) == expected


@pytest.mark.parametrize("image_size", [72, (80, 40)])
@pytest.mark.parametrize("augment", AUGMENTS.values(), ids=AUGMENTS)
def test_photographs_of_any_shape(photographs, augment, image_size):
    one = train_loader(photographs, image_size, augment, batch_size=5, threads=1)
    found = by_row(one.epoch(0))
    assert sorted(found) == photographs.rows("train").tolist()
    assert by_row(train_loader(photographs, image_size, augment, batch_size=16, threads=4).epoch(0)) == found


def test_data_from_another_process_cannot_be_written_to_and_works(digits):
    """As Ray hands it over: its arrays lie in memory that is shared and read-only."""
    buffers = []
    content = pickle.dumps(digits, protocol=5, buffer_callback=buffers.append)
    again = pickle.loads(content, buffers=[bytes(buffer.raw()) for buffer in buffers])
    assert not again.images.pixels.flags.writeable
    for augment in AUGMENTS.values():
        loaders = [train_loader(data, 8, augment) for data in (again, digits)]
        assert by_row(loaders[0].epoch(0)) == by_row(loaders[1].epoch(0))
    assert by_row(eval_loader(again)) == by_row(eval_loader(digits))


@pytest.mark.parametrize(
    ("batch_size", "sizes"), [(4, [4, 4, 2]), (3, [3, 3, 4]), (9, [10]), (10, [10]), (20, [10])]
)
def test_a_last_batch_of_one_joins_the_one_before(tmp_path, make_classes, batch_size, sizes):
    make_classes(tmp_path, {"cat": 6, "dog": 6})
    data = prepare(DataConfig(source=str(tmp_path)), 12)
    loader = train_loader(data, 12, batch_size=batch_size)
    assert [len(batch) for batch in loader.epoch(0)] == sizes
    assert len(loader) == len(sizes)


def test_evaluation_goes_through_a_split_in_order_as_often_as_asked(digits):
    loader = eval_loader(digits, "test")
    rows = [row for batch in loader for row in batch.rows.tolist()]
    assert rows == digits.rows("test").tolist() == loader.rows.tolist()
    assert len(list(loader)) == len(loader)
    assert by_row(loader) == by_row(eval_loader(digits, "test", batch_size=7))


def test_evaluation_of_stored_and_of_resized_images_agree(digits):
    small = eval_loader(digits, "val", 24)
    lazy = LazyImages(
        open_source("digits"), digits.manifest["path"], KeptSize.exactly(8), digits.images.shapes
    )
    assert isinstance(digits.images, DenseImages)
    assert by_row(small) == by_row(eval_loader(with_images(digits, lazy), "val", 24))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("image_size", [8, 72])
def test_a_gpu_gets_the_same_pictures(digits, image_size):
    here = list(train_loader(digits, image_size).epoch(0))
    there = list(train_loader(digits, image_size, device="cuda").epoch(0))
    for one, other in zip(here, there, strict=True):
        assert other.images.is_cuda
        assert other.labels.is_cuda
        torch.testing.assert_close(other.images.cpu(), one.images, atol=1e-6, rtol=1e-6)
        assert torch.equal(other.rows.cpu(), one.rows)


def test_a_split_without_rows_is_refused(tmp_path, make_classes):
    make_classes(tmp_path, {"cat": 4, "dog": 4})
    data = prepare(DataConfig(source=str(tmp_path)), 12)
    with pytest.raises(ValueError, match="no test split; it has train, val"):
        eval_loader(data, "test", 12)


def test_an_epoch_that_is_left_early_leaves_no_threads(photographs):
    before = threading.active_count()
    batches = train_loader(photographs, 72, batch_size=2, threads=3).epoch(0)
    next(batches)
    assert threading.active_count() > before
    batches.close()
    assert threading.active_count() == before


def test_an_image_that_goes_missing_stops_the_epoch_and_is_named(tmp_path, make_classes):
    make_classes(tmp_path, {"cat": 8, "dog": 8})
    source = open_source(str(tmp_path))
    shapes = decode_here(DecodeJob(source, source.files, KeptSize.exactly(12))).images.shapes
    data = prepare(DataConfig(source=str(tmp_path)), 12)
    data = with_images(data, LazyImages(source, source.files, KeptSize.exactly(12), shapes))
    (tmp_path / data.manifest["path"][int(data.rows("train")[3])]).unlink()
    with pytest.raises(Exception, match="could be read when the data was prepared and cannot now"):
        list(train_loader(data, 12).epoch(0))
