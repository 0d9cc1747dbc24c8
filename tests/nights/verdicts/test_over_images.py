"""The crossed bootstrap: how often its interval holds the truth, and what it is made of."""

import numpy as np
import pytest

from platform.nights.verdicts.measured import Measured
from platform.nights.verdicts.over_images import interval_over_images
from platform.nights.verdicts.verdict import Case, decide


def measured(images_SN, first=0):
    return Measured({first + place: float(row.mean()) for place, row in enumerate(images_SN)}, images_SN)


def drawn(random, *, seeds, easy_N, seed_deviation, shift=0.0):
    """Images of different difficulty, seeds of different quality, and both together."""
    of_seeds_S1 = seed_deviation * random.normal(size=(seeds, 1))
    return easy_N + shift + of_seeds_S1 + 0.3 * random.normal(size=(seeds, len(easy_N)))


def difference_of(tonight, level):
    means = [np.mean(list(one.values.values())) for one in level]
    return float(np.mean(list(tonight.values.values())) - np.mean(means))


@pytest.mark.parametrize("seed_deviation", [0.0, 0.1])
def test_the_interval_holds_the_truth_as_often_as_it_says(seed_deviation):
    random, times = np.random.default_rng(0), 60
    held = 0
    for _ in range(times):
        easy_N = random.normal(size=80)
        level = [measured(drawn(random, seeds=5, easy_N=easy_N, seed_deviation=seed_deviation))]
        tonight = measured(drawn(random, seeds=5, easy_N=easy_N, seed_deviation=seed_deviation, shift=0.2), 9)
        low, high = interval_over_images(tonight, level, difference=difference_of(tonight, level), freedom=8)
        held += low <= 0.2 <= high
    assert held >= 0.95 * times - 3 * np.sqrt(times * 0.95 * 0.05)


def test_difficulty_that_both_nights_share_does_not_widen_it():
    random = np.random.default_rng(1)
    noise_SN, other_SN = (0.1 * random.normal(size=(5, 200)) for _ in range(2))
    widths = []
    for spread in (0.0, 50.0):
        easy_N = spread * np.random.default_rng(2).normal(size=200)
        tonight, level = measured(easy_N + noise_SN), [measured(easy_N + other_SN, 9)]
        low, high = interval_over_images(tonight, level, difference=0.0, freedom=8)
        widths.append(high - low)
    assert widths[0] == pytest.approx(widths[1])


def test_a_night_that_is_repeated_is_no_further_draw():
    random = np.random.default_rng(3)
    night = measured(0.1 * random.normal(size=(5, 200)))
    tonight = measured(0.1 * random.normal(size=(5, 200)), 9)
    once, often = (interval_over_images(tonight, [night] * n, difference=0.0, freedom=8) for n in (1, 10))
    assert once == pytest.approx(often)


def test_it_is_centred_on_the_difference_and_a_change_only_some_images_show_is_uncertain():
    """Seeds agree on every image: only which images were drawn is left, as for a paired mean."""
    gained_N = np.repeat([1.0, 0.0], [10, 90])
    tonight = measured(np.tile(gained_N, (5, 1)))
    level = [measured(np.zeros((5, 100)), 9)]
    low, high = interval_over_images(tonight, level, difference=0.1, freedom=8)
    half = 1.96 * np.sqrt(0.1 * 0.9 / 100)
    assert (low, high) == pytest.approx((0.1 - half, 0.1 + half), abs=0.015)


def test_the_decision_has_it_only_where_there_are_values_per_image():
    random = np.random.default_rng(4)
    with_images = measured(random.random(size=(3, 20)))
    level = [measured(random.random(size=(3, 20)))]
    case = Case("canary", "val/accuracy", "max", 0.005, with_images, level)
    (decision,) = decide([case])
    assert decision.images_low < decision.difference < decision.images_high
    assert decide([case])[0] == decision
    (without,) = decide([Case("canary", "val/ece", "min", 0.005, Measured(with_images.values), level)])
    assert without.images_low is None and without.images_high is None


def test_other_images_are_an_error():
    tonight, level = measured(np.ones((2, 3))), [measured(np.zeros((2, 4)))]
    with pytest.raises(ValueError, match="3 and 4 validation images"):
        interval_over_images(tonight, level, difference=1.0, freedom=2)
