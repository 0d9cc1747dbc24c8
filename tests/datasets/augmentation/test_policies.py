"""The policies equal torchvision's, apart from the source of random numbers."""

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from platform.datasets.augmentation.appearance_config import AugMix, RandAugment, TrivialAugmentWide
from platform.datasets.augmentation.policies import (
    AUGMIX_BINS,
    Choice,
    Operations,
    augmix_weights,
    do_all,
    policy_change,
)
from platform.datasets.image_size import Size


@pytest.fixture(scope="module")
def image():
    """Smooth colours, so that no operation leaves it as it is."""
    coarse = torch.randint(0, 256, (1, 3, 4, 4), generator=torch.Generator().manual_seed(0)).float()
    return torch.nn.functional.interpolate(coarse, (24, 24), mode="bilinear")[0].to(torch.uint8)


def by_torchvision(transform, image, choice):
    """One operation of a policy's, as torchvision does it."""
    return transform._apply_image_or_video_transform(
        image, choice.name, choice.magnitude, interpolation=transform.interpolation, fill=transform._fill
    )


def uniform_draws(count, draws):
    return np.random.default_rng(0).random((count, draws)).tolist()


@pytest.mark.parametrize("kind", ["trivial", "rand"])
def test_an_operation_gives_what_torchvision_gives_that_drew_the_same(image, kind):
    own = v2.TrivialAugmentWide() if kind == "trivial" else v2.RandAugment(num_ops=1, magnitude=30)
    operations = Operations(own, 31, Size(24, 24))
    seen = set()
    with torch.random.fork_rng(devices=[]):
        for seed in range(80):
            torch.manual_seed(seed)
            name, magnitudes, is_signed = operations.table[int(torch.randint(len(operations.table), ()))]
            bin_ = 30 if kind == "rand" or not magnitudes else int(torch.randint(31, ()))
            magnitude = magnitudes[bin_] if magnitudes else 0.0
            if is_signed and torch.rand(()) <= 0.5:
                magnitude = -magnitude
            torch.manual_seed(seed)
            assert torch.equal(by_torchvision(own, image, Choice(name, magnitude)), own(image)), (
                name,
                magnitude,
            )
            seen.add(name)
    assert len(seen) == len(operations.table) == 14


def test_every_operation_strength_and_direction_comes_as_often():
    operations = Operations(v2.TrivialAugmentWide(), 5, Size(32, 32))
    choices = [operations.choose(draws) for draws in uniform_draws(14_000, 3)]
    names = [choice.name for choice in choices]
    assert max(abs(names.count(name) - 1000) for name, _, _ in operations.table) < 160  # five deviations
    rotations = [choice.magnitude for choice in choices if choice.name == "Rotate"]
    values, counts = np.unique(np.round(rotations, 3), return_counts=True)
    assert values.tolist() == [-135, -101.25, -67.5, -33.75, 0, 33.75, 67.5, 101.25, 135]
    assert abs(counts[values != 0] - 100).max() < 50
    assert {choice.magnitude for choice in choices if choice.name == "Equalize"} == {0.0}


def choices_of(operations):
    """Every operation, at some strengths in both directions."""
    for name, magnitudes, is_signed in operations.table:
        for magnitude in magnitudes[:: len(magnitudes) // 4] if magnitudes else [0.0]:
            yield from (Choice(name, sign * magnitude) for sign in ((1, -1) if is_signed else (1,)))


@pytest.mark.parametrize(
    ("transform", "bins"),
    [(v2.TrivialAugmentWide(), 31), (v2.RandAugment(), 31), (v2.AugMix(), 10)],
    ids=["trivial", "rand", "augmix"],
)
@pytest.mark.parametrize("size", [Size(8, 8), Size(24, 24), Size(24, 10), Size(9, 20)], ids=str)
def test_many_pictures_at_once_become_what_torchvision_makes_of_each(size, transform, bins):
    operations = Operations(transform, bins, size)
    choices = list(choices_of(operations))
    images = torch.randint(
        0, 256, (len(choices), 3, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    before = images.clone()
    done = do_all(images, choices, transform.interpolation)
    assert torch.equal(images, before)
    for image, choice, ours in zip(images, choices, done, strict=True):
        theirs = by_torchvision(transform, image, choice)
        if choice.name in ("Brightness", "Color", "Contrast", "Sharpness"):
            off = (ours.int() - theirs.int()).abs()
            assert off.max() <= 1 and off.float().mean() < 0.15, choice
        elif choice.name in ("ShearX", "ShearY", "Rotate"):  # a pixel half way between two may go to either
            assert (ours == theirs).float().mean() > 0.97, choice
        else:
            assert torch.equal(ours, theirs), choice
        assert torch.equal(do_all(image[None], [choice], transform.interpolation)[0], ours)


def test_trivial_augment_is_one_operation_of_the_drawn_strength(image):
    draws, change = policy_change(TrivialAugmentWide(num_magnitude_bins=7), Size(24, 24))
    operations = Operations(v2.TrivialAugmentWide(7), 7, Size(24, 24))
    assert draws == 3
    own = uniform_draws(30, draws)
    images = image.expand(30, -1, -1, -1)
    assert torch.equal(change(images, own), do_all(images, [operations.choose(three) for three in own]))


def test_rand_augment_is_several_operations_of_the_same_strength(image):
    draws, change = policy_change(RandAugment(num_ops=3, magnitude=4), Size(24, 24))
    operations = Operations(v2.RandAugment(), 31, Size(24, 24))
    assert draws == 9
    own = uniform_draws(20, draws)
    expected = image.expand(20, -1, -1, -1)
    for start in (0, 3, 6):
        expected = do_all(expected, [operations.choose(nine[start : start + 3], slice(4, 5)) for nine in own])
    assert torch.equal(change(image.expand(20, -1, -1, -1), own), expected)


@pytest.mark.parametrize("depth", [-1, 2])
def test_augmix_is_its_formula(image, depth):
    policy = AugMix(severity=4, mixture_width=2, chain_depth=depth, alpha=0.7)
    draws, change = policy_change(policy, Size(24, 24))
    operations = Operations(v2.AugMix(), AUGMIX_BINS, Size(24, 24))
    longest = 3 if depth < 0 else depth
    assert draws == 2 * (1 + 3 * longest) + 1
    for own in uniform_draws(20, draws):
        kept, *shares = augmix_weights(policy, own[-1])
        expected = kept * image.double()
        numbers = iter(own)
        for share in shares:
            first, chained = next(numbers), image
            chain = [[next(numbers) for _ in range(3)] for _ in range(longest)]
            for three in chain[: 1 + int(3 * first) if depth < 0 else depth]:
                choice = operations.choose(three, slice(4))
                chained = do_all(chained[None], [choice], "bilinear")[0]
            expected += share * chained.double()
        assert (change(image[None], [own])[0].double() - expected).abs().max() <= 0.51


def test_augmix_weights_add_up_to_one_and_follow_their_distributions():
    policy = AugMix(alpha=2.0)
    weights = np.array([augmix_weights(policy, draw) for draw in np.linspace(0, 1, 4000, endpoint=False)])
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert weights[:, 0].mean() == pytest.approx(0.5, abs=0.02)
    assert weights[:, 0].var() == pytest.approx(1 / 20, abs=0.005)  # of Beta(2, 2)
    np.testing.assert_allclose(weights[:, 1:].mean(axis=0), 1 / 6, atol=0.01)
