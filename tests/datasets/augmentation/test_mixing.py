import numpy as np
import pytest
import torch

from platform.datasets.augmentation.appearance_config import MixingConfig
from platform.datasets.augmentation.mixing import mix

MIXUP, CUTMIX = MixingConfig(mixup_alpha=0.8), MixingConfig(cutmix_alpha=1.0)


def batch(size):
    generator = torch.Generator().manual_seed(0)
    images = torch.rand(size, 3, 10, 6, generator=generator).contiguous(memory_format=torch.channels_last)
    return images, torch.randint(0, 5, (size,), generator=generator)


def mixed(config, size=6, *, seed=0, epoch=0, step=0):
    images, labels = batch(size)
    return mix(images, labels, config, 5, seed=seed, epoch=epoch, step=step)[:2]


@pytest.mark.parametrize("size", [1, 2, 5])
@pytest.mark.parametrize("config", [MIXUP, CUTMIX], ids=["mixup", "cutmix"])
def test_soft_labels_are_shares_whatever_the_batch(config, size):
    images, targets = mixed(config, size)
    assert images.shape == (size, 3, 10, 6)
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert targets.shape == (size, 5)
    assert targets.dtype == torch.float32
    torch.testing.assert_close(targets.sum(1), torch.ones(size))


def test_mixup_adds_each_image_and_the_one_before_as_its_labels_say():
    images, labels = batch(6)
    done, targets = mixed(MIXUP)
    apart = labels != labels.roll(1)
    share = targets[apart].gather(1, labels[apart, None])[0].item()
    assert 0 < share < 1
    torch.testing.assert_close(done, share * images + (1 - share) * images.roll(1, 0))
    one_hot = torch.nn.functional.one_hot(labels, 5)
    torch.testing.assert_close(targets, share * one_hot + (1 - share) * one_hot.roll(1, 0))


def test_cutmix_takes_the_share_of_the_pixels_that_its_labels_say():
    images, labels = batch(6)
    for step in range(8):
        done, targets = mixed(CUTMIX, step=step)
        is_other = (done != images).any(1)
        assert torch.equal(done, torch.where(is_other[:, None], images.roll(1, 0), images))
        apart = (labels != labels.roll(1)).nonzero()[0].item()
        taken = is_other[apart].float().mean().item()
        assert targets[apart, labels[apart]].item() == pytest.approx(1 - taken)


@pytest.mark.parametrize("config", [MIXUP, CUTMIX], ids=["mixup", "cutmix"])
def test_it_is_a_function_of_seed_epoch_and_step(config):
    one, again = mixed(config, seed=2**40, epoch=3, step=5), mixed(config, seed=2**40, epoch=3, step=5)
    assert torch.equal(one[0], again[0]) and torch.equal(one[1], again[1])
    others = [mixed(config, seed=2**40 + 1), mixed(config, epoch=4), mixed(config, step=6)]
    assert all(not torch.equal(other[0], one[0]) for other in others)


def test_the_global_generator_goes_on_as_if_nothing_had_been():
    before = torch.get_rng_state()
    for step in range(3):
        mixed(MIXUP, step=step)
        mixed(CUTMIX, step=step)
    assert torch.equal(torch.get_rng_state(), before)


def share(config, what):
    return np.mean([what(mixed(config, 4, step=step)) for step in range(400)])


def is_mixed(done):
    return bool((done[1] != done[1].round()).any() or not torch.equal(done[0], batch(4)[0]))


def is_cut(done):
    """Pixels are those of one image or another; mixup makes new ones."""
    return bool(torch.isin(done[0], batch(4)[0]).all())


def test_probability_and_switch_probability_are_what_timm_means():
    assert not share(MixingConfig(mixup_alpha=1.0, probability=0.0), is_mixed)
    assert share(MixingConfig(mixup_alpha=1.0, probability=0.3), is_mixed) == pytest.approx(0.3, abs=0.08)
    both = MixingConfig(mixup_alpha=1.0, cutmix_alpha=1.0, switch_probability=0.25)
    assert share(both, is_cut) == pytest.approx(0.25, abs=0.08)
    assert share(CUTMIX, is_cut) == 1
    assert share(MIXUP, is_cut) == 0


def test_unmixed_labels_are_the_given_ones():
    images, targets = mixed(MixingConfig(mixup_alpha=1.0, probability=0.0))
    assert torch.equal(images, batch(6)[0])
    assert torch.equal(targets, torch.nn.functional.one_hot(batch(6)[1], 5).float())


def test_strength_follows_alpha():
    """Of Beta(a, a) the variance is 1 / (4 (2 a + 1))."""
    labels = torch.tensor([0, 1])
    images = torch.zeros(2, 3, 2, 2)
    config = MixingConfig(mixup_alpha=0.4)
    shares = [
        mix(images, labels, config, 2, seed=0, epoch=1, step=step)[1][0, 0].item() for step in range(1500)
    ]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.05)
    assert np.var(shares) == pytest.approx(1 / (4 * 1.8), abs=0.015)


@pytest.mark.parametrize("config", [MIXUP, CUTMIX], ids=["mixup", "cutmix"])
def test_each_label_is_weighted_by_its_own_images_weight(config):
    """Weight times soft label is the mixture of the two images' weighted labels."""
    images, labels = batch(6)
    weights = torch.tensor([1, 0.5, 2, 0, 0, 1])
    done, targets, mixed_weights = mix(images, labels, config, 5, seed=0, epoch=0, step=0, weights_B=weights)
    plain, shares, none = mix(images, labels, config, 5, seed=0, epoch=0, step=0)
    assert none is None
    assert torch.equal(done, plain)
    one_hot = torch.nn.functional.one_hot(labels, 5).float()
    apart = labels != labels.roll(1)
    share = shares[apart].gather(1, labels[apart, None])[0].item()
    own, before = weights[:, None] * one_hot, weights.roll(1)[:, None] * one_hot.roll(1, 0)
    torch.testing.assert_close(mixed_weights[:, None] * targets, share * own + (1 - share) * before)
    torch.testing.assert_close(mixed_weights, share * weights + (1 - share) * weights.roll(1))
    torch.testing.assert_close(targets.sum(1), torch.ones(6))
    assert mixed_weights[4] == 0, "both of its images have weight 0"


def test_without_mixing_weights_stay_as_they_are():
    images, labels = batch(6)
    never, weights = MixingConfig(mixup_alpha=0.8, probability=0.0), torch.rand(6)
    assert mix(images, labels, never, 5, seed=0, epoch=0, step=0, weights_B=weights)[2] is weights
