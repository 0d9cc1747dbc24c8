"""How often an epoch shows each image, and in which order."""

import numpy as np
import pytest
import torch

from platform.datasets.augmentation.augment import AugmentConfig
from platform.datasets.batches.loader import TrainLoader
from platform.datasets.batches.sampling import Sampler
from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.prepare import prepare

LABELS_R = np.repeat([0, 1, 3], [60, 9, 4])  # no image has the label 2


def shown(sampler, epoch=0, labels_R=LABELS_R, seed=5):
    return sampler.order(labels_R, seed, epoch)


def shares(sampler, epoch=0):
    images_R, _ = shown(sampler, epoch)
    return np.bincount(LABELS_R[images_R], minlength=4)


def test_instance_shows_each_image_once():
    images_R, turns_R = shown(Sampler())
    assert sorted(images_R) == list(range(73))
    assert not turns_R.any()
    assert (images_R == np.random.default_rng([5, 0]).permutation(73)).all(), "as before there were samplers"


@pytest.mark.parametrize(
    ("sampler", "epoch", "expected"),
    [
        (Sampler("class_balanced"), 7, [73 / 3, 73 / 3, 0, 73 / 3]),
        (Sampler("square_root"), 7, [73 * root / (60**0.5 + 5) for root in (60**0.5, 3, 0, 2)]),
        (Sampler("progressive", first_epoch=2, epochs=4), 2, [60, 9, 0, 4]),
        (
            Sampler("progressive", first_epoch=2, epochs=4),
            4,
            [30 + 73 / 6, 4.5 + 73 / 6, 0, 2 + 73 / 6],
        ),
    ],
)
def test_each_class_has_its_share_but_for_rounding(sampler, epoch, expected):
    counts = shares(sampler, epoch)
    assert counts.sum() == 73
    assert (np.abs(counts - expected) < 1).all()


def test_rounding_is_without_bias():
    mean = np.mean([shares(Sampler("class_balanced"), epoch) for epoch in range(300)], axis=0)
    assert mean == pytest.approx([73 / 3, 73 / 3, 0, 73 / 3], abs=0.1)


@pytest.mark.parametrize("name", ["class_balanced", "square_root", "progressive"])
def test_images_of_a_class_take_turns(name):
    images_R, turns_R = shown(Sampler(name, epochs=2), epoch=1)
    assert len(set(zip(images_R, turns_R, strict=True))) == 73
    for label in (0, 1, 3):
        times = np.bincount(images_R, minlength=73)[label == LABELS_R]
        assert times.max() - times.min() <= 1
    assert (turns_R < np.bincount(images_R)[images_R]).all()


def test_the_order_depends_on_seed_and_epoch_alone():
    sampler = Sampler("class_balanced")
    assert (shown(sampler, 3)[0] == shown(sampler, 3)[0]).all()
    assert (shown(sampler, 3)[0] != shown(sampler, 4)[0]).any()
    assert (shown(sampler, 3)[0] != shown(sampler, 3, seed=6)[0]).any()


def test_images_without_a_label_are_shown_once():
    labels_R = np.where(np.arange(73) % 2, LABELS_R, -1)
    images_R, _ = shown(Sampler("class_balanced"), labels_R=labels_R)
    assert (np.bincount(images_R, minlength=73)[labels_R == -1] == 1).all()
    assert len(images_R) == 73
    alone_R, _ = shown(Sampler("class_balanced"), labels_R=np.full(5, -1))
    assert sorted(alone_R) == list(range(5))


@pytest.mark.parametrize("augment", [{"crop": "padded"}, {"cutout": {"size": 3}}])
def test_a_loader_augments_each_turn_otherwise(augment):
    data = prepare(DataConfig.model_validate({"imbalance": 20}), 8)

    def loaded(part=None):
        loader = TrainLoader(
            data,
            batch_size=64,
            image_size=8,
            augment=AugmentConfig.model_validate(augment),
            seed=0,
            mean=data.mean,
            std=data.std,
            sampler=Sampler("class_balanced"),
            part=part,
        )
        return list(loader.epoch(1))

    batches = loaded()
    rows = torch.cat([batch.rows for batch in batches])
    images = torch.cat([batch.images for batch in batches])
    assert len(rows) == len(data.rows("train"))
    most = rows.mode().values
    same = images[rows == most]
    assert len(same) > 2
    assert len(torch.unique(same.flatten(1), dim=0)) > 1
    halves = [loaded(lambda n, half=half: slice(half * n // 2, (half + 1) * n // 2)) for half in (0, 1)]
    for whole, *parts in zip(batches, *halves, strict=True):
        assert torch.equal(whole.images, torch.cat([part.images for part in parts]))
        assert all(torch.equal(whole.rows, part.rows) for part in parts)
