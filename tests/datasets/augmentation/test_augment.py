import numpy as np
import pytest
import torch
from torchvision.transforms import RandomResizedCrop

from platform.datasets.augmentation.augment import AugmentConfig, flips, random_boxes, shifts
from platform.datasets.geometry import Frame
from platform.datasets.image_size import Size
from platform.datasets.randomness import uniforms

ROWS = np.arange(20_000)
SQUARE, TALL = Size(16, 16), Size(32, 16)


def draws(config, epoch=0):
    return uniforms(0, epoch, ROWS, config.draws)


def shapes(height, width):
    return np.tile([[height, width]], (len(ROWS), 1))


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_flips_come_as_often_as_asked(probability):
    config = AugmentConfig(horizontal_flip=probability)
    assert flips(config, draws(config)).mean() == pytest.approx(probability, abs=0.01)


@pytest.mark.parametrize("size", [SQUARE, TALL], ids=str)
def test_shifts_are_uniform_within_the_padding(size):
    config = AugmentConfig(padding=2)
    found, counts = np.unique(shifts(config, size, draws(config)), axis=0, return_counts=True)
    assert found.tolist() == [[y, x] for y in range(-2, 3) for x in range(-2, 3)]
    assert abs(counts - 800).max() < 140  # five standard deviations


@pytest.mark.parametrize("config", [AugmentConfig(padding=0), AugmentConfig(crop="none", padding=4)])
def test_without_padding_nothing_shifts(config):
    assert not shifts(config, TALL, draws(config)).any()


def test_a_resized_image_is_cut_anywhere_inside():
    config = AugmentConfig(crop="resized", resize=1.125)
    found, counts = np.unique(shifts(config, TALL, draws(config)), axis=0, return_counts=True)
    assert found.tolist() == [[y, x] for y in range(5) for x in range(3)]  # 36 x 18 px
    assert abs(counts - 20_000 / 15).max() < 180  # five standard deviations


@pytest.mark.parametrize(
    ("crop", "size", "frame", "box"),
    [
        ("padded", SQUARE, Frame(SQUARE, 16), [20, 0, 60, 60]),
        ("none", TALL, Frame(TALL), [0, 0, 100, 60]),
        ("padded", TALL, Frame(TALL), [0, 0, 100, 60]),
        ("resized", SQUARE, Frame(Size(18, 18)), [0, 0, 100, 60]),
        ("resized", Size(256, 128), Frame(Size(288, 144)), [0, 0, 100, 60]),
    ],
)
def test_squares_start_from_the_centre_and_the_rest_from_the_whole_image(crop, size, frame, box):
    config = AugmentConfig(crop=crop)
    assert config.frame(size) == frame
    assert config.frame(size).boxes(np.array([[100, 60]])).tolist() == [box]


@pytest.mark.parametrize("shape", [(256, 341), (341, 256), (256, 256), (256, 700), (8, 8)])
def test_random_boxes_lie_in_the_image_and_obey_scale_and_ratio(shape):
    config = AugmentConfig(crop="random_resized", scale=(0.3, 0.8), ratio=(0.75, 1.25))
    top, left, height, width = random_boxes(config, draws(config), shapes(*shape)).T
    assert (top >= 0).all() and (top + height <= shape[0]).all()
    assert (left >= 0).all() and (left + width <= shape[1]).all()
    assert height.min() > 0
    if min(shape) > 8:  # below, rounding to px is all there is
        share, ratio = height * width / (shape[0] * shape[1]), width / height
        assert 0.29 < share.min() < share.max() < 0.81
        assert 0.74 < ratio.min() < ratio.max() < 1.26
        assert len(np.unique(top)) > 10


def test_random_boxes_are_distributed_as_torchvision_draws_them():
    config = AugmentConfig(crop="random_resized", scale=(0.2, 1.0))
    ours = random_boxes(config, draws(config), shapes(60, 80)).astype(float)
    torch.manual_seed(0)
    image = torch.empty(3, 60, 80)
    theirs = np.array([RandomResizedCrop.get_params(image, [0.2, 1.0], [0.75, 1.3333]) for _ in range(5000)])
    spread = theirs.std(axis=0)
    assert (abs(ours.mean(axis=0) - theirs.mean(axis=0)) < 0.08 * spread).all()
    assert (abs(ours.std(axis=0) - spread) < 0.05 * spread).all()


@pytest.mark.parametrize(("shape", "box"), [((10, 1000), (0, 493, 10, 13)), ((1000, 10), (493, 0, 13, 10))])
def test_an_image_into_which_nothing_fits_gives_its_largest_centre(shape, box):
    """As torchvision does: no window of half the area of so long an image has a ratio near one."""
    config = AugmentConfig(crop="random_resized", scale=(0.5, 1.0))
    boxes = random_boxes(config, draws(config)[:100], shapes(*shape)[:100])
    assert np.unique(boxes, axis=0).tolist() == [list(box)]
