"""A preview shows the same images as training."""

import numpy as np
import pytest
import torch

from platform.datasets.augmentation.appearance_config import (
    ColorJitter,
    Cutout,
    MixingConfig,
    RandAugment,
    RandomErasing,
)
from platform.datasets.augmentation.augment import AugmentConfig
from platform.datasets.batches.loader import TrainLoader
from platform.datasets.data_config import DataConfig
from platform.datasets.errors import DataError
from platform.datasets.image_size import as_size
from platform.datasets.preparation.prepare import prepare
from platform.datasets.preview.preview import Column, PreviewStage, choose_samples, columns, describe
from platform.datasets.preview.preview_sheet import BACKGROUND, Block, draw_sheet

AUGMENT = AugmentConfig(policy=RandAugment(), mixing=MixingConfig(mixup_alpha=1.0))


@pytest.fixture(scope="module")
def digits():
    return DataConfig(source="digits", imbalance=10)


def stage(augment, first_epoch=3, epochs=9, image_size=8):
    return PreviewStage("a stage", as_size(image_size), augment, first_epoch, epochs)


def test_the_classes_come_in_turn_and_rows_are_the_manifests(digits):
    samples = choose_samples(digits, 8, 25)
    data = prepare(digits, 8)
    assert sorted(samples.labels[:10]) == sorted(samples.labels[10:20]) == list(range(10))
    assert set(samples.rows) <= set(data.rows("train"))
    assert (data.manifest["label"].to_numpy()[samples.rows] == samples.labels).all()
    for place, row in enumerate(samples.rows):
        assert (samples.images.image(place) == data.images.image(int(row))).all()


@pytest.mark.parametrize("image_size", [12, (16, 8)])
@pytest.mark.parametrize("crop", ["padded", "random_resized", "resized"])
def test_it_shows_what_training_shows(digits, crop, image_size):
    augment = AUGMENT.model_copy(update={"crop": crop})
    samples, data = choose_samples(digits, 8, 12), prepare(digits, 8)
    shown = list(columns(samples, stage(augment, image_size=image_size), seed=5, epochs=2))
    assert [column.heading for column in shown] == ["as it is", "epoch 4", "epoch 5", "4, mixed", "5, mixed"]
    zero, one = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    loader = TrainLoader(
        data, batch_size=64, image_size=image_size, augment=augment, seed=5, mean=zero, std=one, threads=2
    )
    trained = {}
    for batch in loader.epoch(3):
        pixels = (batch.images * 255).round().byte().permute(0, 2, 3, 1).numpy()
        trained.update(zip(batch.rows.tolist(), pixels, strict=True))
    assert all(
        (trained[row] == picture).all() for row, picture in zip(samples.rows, shown[1].pictures, strict=True)
    )


def test_mixed_pictures_are_mixtures_of_those_beside_them(digits):
    samples = choose_samples(digits, 8, 4)
    _, first, second, mixed, _ = columns(samples, stage(AUGMENT), seed=0, epochs=2)
    neighbours = np.stack([first.pictures, np.roll(first.pictures, 1, axis=0)]).astype(int)
    assert (mixed.pictures >= neighbours.min(axis=0)).all()
    assert (mixed.pictures <= neighbours.max(axis=0)).all()
    assert (mixed.pictures != first.pictures).any()
    assert (first.pictures != second.pictures).any()


def test_no_more_epochs_and_images_than_there_are(digits, tmp_path, make_classes):
    make_classes(tmp_path, {"cat": 3, "dog": 3})
    samples = choose_samples(DataConfig(source=str(tmp_path)), 8, 100)
    assert len(samples.rows) == 4  # one a class is held out
    assert len(list(columns(samples, stage(AugmentConfig(), epochs=2), seed=0, epochs=6))) == 3


def test_unreadable_images_are_an_error_only_where_none_is_left(tmp_path, make_classes):
    make_classes(tmp_path, {"cat": 3, "dog": 3})
    for file in tmp_path.rglob("*.png"):
        file.write_bytes(b"no image")
    with pytest.raises(DataError, match="none of 2 images can be read: "):
        choose_samples(DataConfig(source=str(tmp_path)), 8, 2)


def test_what_is_on_is_described_with_its_settings():
    assert describe(AugmentConfig(crop="none", horizontal_flip=0.0)) == "nothing"
    augment = AugmentConfig(
        padding=4,
        policy=RandAugment(),
        color_jitter=ColorJitter(brightness=0.4),
        grayscale=0.1,
        random_erasing=RandomErasing(),
        cutout=Cutout(),
    )
    assert describe(augment) == (
        "padded crop of 4 px (reflect) · flip 0.5 · "
        "rand augment (num ops 2, magnitude 9, num magnitude bins 31) · "
        "color jitter (probability 1, brightness 0.4, contrast 0, saturation 0, hue 0) · grayscale 0.1 · "
        "random erasing (probability 0.25, scale 0.02 to 0.33, ratio 0.3 to 3.3, value mean) · "
        "cutout (probability 1, size 8)"
    )


@pytest.mark.parametrize(
    ("size", "area"),
    [
        ((8, 8), 96**2),
        ((32, 32), 96**2),
        ((50, 50), 100**2),
        ((128, 128), 128**2),
        ((224, 224), 192**2),
        ((64, 32), 128 * 64),
        ((256, 128), 192 * 96),
    ],
)
def test_the_sheet_holds_each_picture_once_whatever_its_size(size, area):
    colours = torch.randint(0, 256, (2, 3, 1, 1, 3), dtype=torch.uint8)  # columns, rows
    flat = [
        Column(f"epoch {number}", colour.expand(3, *size, 3).numpy()) for number, colour in enumerate(colours)
    ]
    sheet = np.asarray(
        draw_sheet("title", [Block("heading", "what is on " * 40, flat)], ["cat"] * 2 + ["d" * 40])
    )
    for colour in colours.reshape(6, 3).numpy():
        assert (sheet == colour).all(axis=2).sum() >= area
    edge = np.concatenate(
        [sheet[:20].reshape(-1, 3), sheet[-20:].reshape(-1, 3), sheet[:, -20:].reshape(-1, 3)]
    )
    assert (edge == [int(BACKGROUND[place : place + 2], 16) for place in (1, 3, 5)]).all()
