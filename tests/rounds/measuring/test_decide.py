"""A round gains where the paired difference exceeds so many standard errors; when rounds end."""

import math
from dataclasses import replace

import numpy as np
import pytest

from platform.config.errors import UserError
from platform.rounds.ledger.records import Book
from platform.rounds.measuring.decide import decide, end_of
from platform.rounds.plan.rounds_config import StopConfig
from tests.rounds.made_rounds import made_book, made_config, made_round

STOP = StopConfig()


def right(count, images=200):
    """Of ``images``, the first ``count`` are right."""
    return (np.arange(images) < count).astype(float)


def test_the_standard_error_is_that_of_the_paired_difference():
    new, old = right(150), right(130)
    found = decide(2, new, 1, old, STOP)
    differences = [b - a for a, b in zip(old, new, strict=True)]
    mean = sum(differences) / 200
    error = math.sqrt(sum((one - mean) ** 2 for one in differences) / 199 / 200)
    assert found.difference == pytest.approx(mean) == pytest.approx(0.1)
    assert found.standard_error == pytest.approx(error)
    assert found.needed == pytest.approx(1.96 * error)
    assert found.gained and found.why.startswith("a gain beyond noise: +0.1000 ± ")
    assert found.low < 0.1 < found.high


@pytest.mark.parametrize(
    ("count", "stop", "gained", "words"),
    [
        (102, STOP, False, "within noise: +0.0100"),
        (102, StopConfig(standard_errors=0.5), True, "a gain beyond noise"),
        (100, STOP, False, "no gain: +0.0000"),
        (90, STOP, False, "no gain: -0.0500"),
        (110, StopConfig(min_gain=0.06), False, "too small a gain: +0.0500"),
        (110, StopConfig(min_gain=0.04), True, "a gain beyond noise"),
    ],
)
def test_a_gain_exceeds_noise_and_the_smallest_that_matters(count, stop, gained, words):
    found = decide(2, right(count), 1, right(100), stop)
    assert (found.gained, found.than) == (gained, 1)
    assert found.why.startswith(words), found.why


def test_the_first_round_is_compared_with_nothing():
    assert decide(1, right(3), None, None, STOP).gained is None


def test_other_validation_images_end_the_command():
    with pytest.raises(UserError, match="round 2: validation has 100 images, in round 1 it had 200"):
        decide(2, right(3, 100), 1, right(3), STOP)


def test_rounds_end_with_the_last_one_or_once_nothing_is_gained():
    assert end_of(Book(), made_config()) is None
    assert end_of(made_book(True), made_config()) is None
    assert end_of(made_book(True, True), made_config()) == "that was the last round"
    assert end_of(made_book(False), made_config()) == "the last round gained nothing beyond noise"
    patient = made_config(rounds=9, stop={"patience": 2})
    assert end_of(made_book(False), patient) is None
    assert end_of(made_book(False, True, False), patient) is None
    assert end_of(made_book(False, False), patient) == "the last 2 rounds gained nothing beyond noise"


def test_an_open_round_goes_on_whatever_came_before():
    book = made_book(False)
    opened = replace(book, rounds={**book.rounds, 3: made_round(3, None, state="running")})
    assert end_of(opened, made_config()) is None


def test_the_best_round_is_the_last_that_gained():
    assert made_book(False, False).best.number == 1
    assert made_book(True, False).best.number == 2
    assert made_book(True, True).best.number == 3
