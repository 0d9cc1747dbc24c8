"""Each operation equals a direct call of the library, in any batch and thread."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional

from platform.datasets.augmentation.appearance import Appearance
from platform.datasets.augmentation.appearance_config import (
    AugMix,
    ColorJitter,
    Cutout,
    DownUp,
    Jpeg,
    MotionBlur,
    RandomErasing,
    TrivialAugmentWide,
)
from platform.datasets.augmentation.augment import AugmentConfig
from platform.datasets.augmentation.erasing import (
    Box,
    cutout_box,
    cutout_change,
    erased_box,
    random_erasing_change,
)
from platform.datasets.augmentation.picture_changes import (
    color_jitter_change,
    down_up_change,
    grayscale_change,
    jpeg_change,
    line_kernel,
    motion_blur_change,
)
from platform.datasets.image_size import Size
from platform.datasets.randomness import Stream, uniforms

MEAN = (0.2, 0.4, 0.6)
SIZE = Size(24, 24)
TALL = Size(28, 20)
EVERYTHING: dict[str, Any] = {
    "down_up": DownUp(probability=0.5),
    "policy": TrivialAugmentWide(),
    "color_jitter": ColorJitter(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.2, probability=0.5),
    "grayscale": 0.3,
    "motion_blur": MotionBlur(probability=0.5),
    "jpeg": Jpeg(probability=0.5),
    "random_erasing": RandomErasing(probability=0.5, value="noise"),
    "cutout": Cutout(probability=0.5),
}


def smooth_pictures(size):
    """[40, *size, 3]: smooth colours."""
    coarse = torch.randint(0, 256, (40, 3, 4, 4), generator=torch.Generator().manual_seed(0)).float()
    smooth = torch.nn.functional.interpolate(coarse, size, mode="bilinear").to(torch.uint8)
    return smooth.permute(0, 2, 3, 1).contiguous().numpy()


@pytest.fixture(scope="module")
def pictures():
    return smooth_pictures(SIZE)


@pytest.fixture(scope="module")
def image(pictures):
    return torch.from_numpy(pictures[0]).permute(2, 0, 1).contiguous()


def changed(config, pictures, rows, epoch=3, seed=0):
    rows = np.asarray(rows)
    finish = Appearance(config, Size(*pictures.shape[1:3]), seed, MEAN).prepare(epoch, rows)
    return finish(pictures[rows], slice(0, len(rows)))


def test_down_up_resizes_twice(image):
    draws, change = down_up_change(DownUp(scale=(0.25, 0.75)))
    assert draws == 1
    small = functional.resize(image, [12, 12], antialias=True)  # half way between 6 and 18
    assert torch.equal(change(image, [0.5]), functional.resize(small, list(SIZE), antialias=True))


def test_down_up_keeps_the_aspect():
    _, change = down_up_change(DownUp(scale=(0.5, 0.5)))
    image = torch.from_numpy(smooth_pictures(TALL)[0]).permute(2, 0, 1).contiguous()
    small = functional.resize(image, [14, 10], antialias=True)
    assert torch.equal(change(image, [0.5]), functional.resize(small, list(TALL), antialias=True))


def test_color_jitter_adjusts_by_the_drawn_factors_in_the_drawn_order(image):
    draws, change = color_jitter_change(ColorJitter(brightness=0.4, contrast=0.2, saturation=2.0, hue=0.1))
    assert draws == 8
    expected = functional.adjust_hue(image, 0.1 * (2 * 0.9 - 1))
    expected = functional.adjust_brightness(expected, 0.6 + 0.8 * 0.25)
    expected = functional.adjust_saturation(expected, 3 * 0.5)  # from max(0, 1 - 2) to 1 + 2
    expected = functional.adjust_contrast(expected, 0.8 + 0.4 * 0.75)
    order = [0.2, 0.4, 0.3, 0.1]  # of brightness, contrast, saturation, hue
    (done,) = change(image[None], [[0.25, 0.75, 0.5, 0.9, *order]])
    off = (done.int() - expected.int()).abs()
    assert off.max() <= 2 and (off > 0).float().mean() < 0.05  # torchvision fuses some steps


def test_brightness_and_contrast_alone_leave_colours_alone():
    _, change = color_jitter_change(ColorJitter(brightness=0.5, contrast=0.5))
    grey = torch.randint(0, 256, (1, 8, 8), dtype=torch.uint8).expand(3, 8, 8)
    (done,) = change(grey[None], [[0.1, 0.2, 0.9, 0.9, 0.1, 0.2, 0.3, 0.4]])
    assert torch.equal(done[0], done[1])
    assert not torch.equal(done, grey)


def test_grayscale_is_torchvisions(image):
    draws, change = grayscale_change()
    assert draws == 0
    assert torch.equal(change(image, []), functional.rgb_to_grayscale(image, num_output_channels=3))


def test_jpeg_compresses_at_the_drawn_quality(image):
    draws, change = jpeg_change(Jpeg(quality=(10, 19)))
    assert draws == 1
    picture = functional.to_pil_image(image)
    for draw, quality in ((0.55, 15), (0.9999, 19)):
        expected = functional.pil_to_tensor(functional.jpeg(picture, quality))
        assert torch.equal(change(image, [draw]), expected)


@pytest.mark.parametrize(("draw", "size"), [(0.0, 3), (0.5, 5), (0.99, 7)])
def test_motion_blur_averages_along_a_line(image, draw, size):
    draws, change = motion_blur_change(MotionBlur(kernel_size=(3, 7)))
    assert draws == 2
    row = image[:, 12].double()  # at 0 degrees: along the rows
    expected = torch.stack(
        [row[:, place : place + size].mean(1) for place in range(SIZE.width - size + 1)], dim=1
    )
    half = size // 2
    blurred = change(image, [draw, 0.0])[:, 12, half : SIZE.width - half]
    assert (blurred - expected).abs().max() < 0.51
    upright = change(image.mT.contiguous(), [draw, 0.5]).mT  # at 90 degrees: along the columns
    assert torch.equal(upright[:, 12, half : SIZE.width - half], blurred)


@pytest.mark.parametrize("size", [3, 9])
@pytest.mark.parametrize("degrees", [0, 30, 45, 120])
def test_a_line_kernel_keeps_the_brightness_and_its_middle(size, degrees):
    kernel = line_kernel(size, degrees)
    assert kernel.sum().item() == pytest.approx(1)
    assert torch.allclose(kernel, kernel.flip(0, 1), atol=1e-6)


@pytest.mark.parametrize(("value", "colour"), [("mean", (51, 102, 153)), ("black", (0, 0, 0))])
def test_random_erasing_writes_its_value_into_the_drawn_box(image, value, colour):
    config = RandomErasing(scale=(0.1, 0.3), ratio=(0.5, 2.0), value=value)
    draws, change = random_erasing_change(config, SIZE, MEAN)
    own = [0.5, 0.25, 0.0, *[0.5] * (draws - 3)]  # a square of a fifth of the area: 11 px
    assert erased_box(config, SIZE, own) == Box(7, 3, 11, 11)
    pixels = torch.tensor(colour, dtype=torch.uint8)[:, None, None]
    assert torch.equal(change(image, own), functional.erase(image, 7, 3, 11, 11, pixels))


def test_erasing_with_noise_leaves_the_rest_and_follows_from_its_draw(image):
    config = RandomErasing(scale=(0.2, 0.2), ratio=(1.0, 1.0), value="noise")
    draws, change = random_erasing_change(config, SIZE, MEAN)
    one, again, other = (change(image, [0.5, 0.25, seed, *[0.5] * (draws - 3)]) for seed in (0.1, 0.1, 0.2))
    inside = torch.zeros(SIZE, dtype=torch.bool)
    inside[7:18, 3:14] = True
    assert torch.equal(one, again)
    assert torch.equal(one[:, ~inside], image[:, ~inside])
    assert (one[:, inside] == other[:, inside]).double().mean() < 0.05


def test_what_does_not_fit_is_not_erased(image):
    config = RandomErasing(scale=(1.0, 1.0))
    draws, change = random_erasing_change(config, SIZE, MEAN)
    assert torch.equal(change(image, [0.5] * draws), image)


@pytest.mark.parametrize("size", [Size(64, 64), Size(96, 48)], ids=str)
def test_erased_boxes_are_distributed_as_torchvision_draws_them(size):
    config = RandomErasing()
    draws = uniforms(0, 0, np.arange(3000), 23, Stream.RANDOM_ERASING).tolist()
    ours = np.array([list(vars(erased_box(config, size, own)).values()) for own in draws])
    torchvisions = v2.RandomErasing(p=1.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        found = [torchvisions.make_params([torch.empty(3, *size)]) for _ in range(3000)]
    theirs = np.array([[params[key] for key in "ijhw"] for params in found])
    spread = theirs.std(axis=0)
    assert (abs(ours.mean(axis=0) - theirs.mean(axis=0)) < 0.1 * spread).all()
    assert (abs(ours.std(axis=0) - spread) < 0.08 * spread).all()


def test_cutout_is_a_square_of_the_mean_colour_anywhere(image):
    assert cutout_box(8, SIZE, [0.5, 0.5]) == Box(8, 8, 8, 8)
    assert cutout_box(8, SIZE, [0.0, 0.999]) == Box(0, 19, 4, 5)
    assert cutout_box(8, TALL, [0.999, 0.999]) == Box(23, 15, 5, 5)
    _, change = cutout_change(Cutout(size=8), SIZE, MEAN)
    pixels = torch.tensor([51, 102, 153], dtype=torch.uint8)[:, None, None]
    assert torch.equal(change(image, [0.0, 0.999]), functional.erase(image, 0, 19, 4, 5, pixels))


@pytest.mark.parametrize("field", EVERYTHING)
def test_probability_zero_changes_nothing_and_one_all(pictures, field):
    section = EVERYTHING[field]

    def sometimes(probability):
        if field == "grayscale":
            return AugmentConfig(grayscale=probability)
        return AugmentConfig(**{field: section.model_copy(update={"probability": probability})})

    rows = np.arange(40)
    if field == "policy":
        config = AugmentConfig(policy=section)
        assert (changed(config, pictures, rows) != pictures).any()
        return
    assert (changed(sometimes(0.0), pictures, rows) == pictures).all()
    all_of_them = changed(sometimes(1.0), pictures, rows)
    assert (all_of_them != pictures).any(axis=(1, 2, 3)).all()
    half = changed(sometimes(0.5), pictures, rows)
    is_done = (half != pictures).any(axis=(1, 2, 3))
    assert 8 <= is_done.sum() <= 32
    assert (half[is_done] == all_of_them[is_done]).all()  # the same draws decide how


def test_the_share_that_is_changed_is_the_probability():
    config = AugmentConfig(grayscale=0.3)
    red = np.zeros((4_000, 2, 2, 3), dtype=np.uint8)
    red[..., 0] = 200
    rows = np.arange(4_000)
    done = Appearance(config, Size(2, 2), 0, MEAN).prepare(0, rows)(red, slice(0, 4_000))
    assert (done[:, 0, 0, 1] > 0).mean() == pytest.approx(0.3, abs=5 * math.sqrt(0.21 / 4_000))


def test_one_operation_does_not_change_what_another_draws(pictures):
    rows = np.arange(40)
    alone = changed(AugmentConfig(cutout=Cutout()), pictures, rows)
    both = changed(AugmentConfig(cutout=Cutout(), crop="random_resized", grayscale=0.5), pictures, rows)
    cut = (alone == np.array([51, 102, 153])).all(axis=3)
    assert (both[cut] == np.array([51, 102, 153])).all()


@pytest.mark.parametrize("size", [SIZE, TALL], ids=str)
@pytest.mark.parametrize("policy", [TrivialAugmentWide(), AugMix()])
def test_a_picture_depends_on_seed_epoch_and_row_alone(size, policy):
    pictures = smooth_pictures(size)
    config = AugmentConfig(**{**EVERYTHING, "policy": policy})
    together = changed(config, pictures, np.arange(40))
    for some in ([7], [31, 4, 12]):
        assert (changed(config, pictures, some) == together[some]).all()
    rows = np.arange(40)
    in_parts = Appearance(config, size, 0, MEAN).prepare(3, rows)
    assert (in_parts(pictures[17:29], slice(17, 29)) == together[17:29]).all()
    assert (changed(config, pictures, rows, epoch=4) != together).any(axis=(1, 2, 3)).mean() > 0.8
    assert (changed(config, pictures, rows, seed=1) != together).any(axis=(1, 2, 3)).mean() > 0.8


def test_nobody_elses_pictures_or_random_numbers_are_touched(pictures):
    before = pictures.copy()
    read_only = pictures[:]
    read_only.flags.writeable = False
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    changed(AugmentConfig(**EVERYTHING), read_only, np.arange(40))
    Appearance(AugmentConfig(**EVERYTHING), SIZE, 0, MEAN).prepare(0, np.arange(1))(
        read_only[:1], slice(0, 1)
    )
    assert (pictures == before).all()
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert (np.random.get_state()[1] == numpy_state).all()


def test_the_order_is_that_of_the_section():
    streams = [
        operation.stream for operation in Appearance(AugmentConfig(**EVERYTHING), SIZE, 0, MEAN).operations
    ]
    assert streams == sorted(streams)
    assert len(set(streams)) == len(EVERYTHING)
