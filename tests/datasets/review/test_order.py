"""In which order images are reviewed."""

import numpy as np
import pytest

from platform.datasets.review.order import CHECK, SUREST, UNCERTAIN, in_turn, mixed, shares, stratified


def test_every_start_of_a_sample_holds_each_class_by_its_share():
    codes = np.repeat([0, 1, 2], [700, 250, 50])
    order = stratified(codes)
    assert sorted(order.tolist()) == list(range(1000))
    for start in (20, 100, 500):
        counts = np.bincount(codes[order[:start]], minlength=3)
        assert np.abs(counts - start * np.array([0.7, 0.25, 0.05])).max() <= 1.5
    assert (stratified(codes) == order).all()
    assert (stratified(codes, seed=1) != order).any()


def test_in_turn_takes_every_class_once_before_any_twice():
    codes = np.repeat([0, 1, 4], [50, 3, 2])
    order = in_turn(codes)
    assert sorted(codes[order[:3]]) == [0, 1, 4]
    assert sorted(codes[order[3:6]]) == [0, 1, 4]


def test_the_surest_the_uncertain_and_checks_are_mixed_and_none_comes_twice():
    p_wrong = np.linspace(0, 1, 1001)
    found = list(mixed(p_wrong, 500))
    rows = [row for row, _ in found]
    assert len(set(rows)) == len(rows) == 500
    by_kind = {kind: [row for row, one in found if one == kind] for kind in (SUREST, UNCERTAIN, CHECK)}
    assert [len(by_kind[kind]) for kind in (SUREST, UNCERTAIN, CHECK)] == [300, 100, 100]
    assert by_kind[SUREST] == sorted(by_kind[SUREST], reverse=True)
    assert np.abs(p_wrong[by_kind[UNCERTAIN]] - 0.5).max() < 0.1
    low = p_wrong[by_kind[CHECK]] < 0.4
    assert 0.3 < low.mean() < 0.55  # four of ten bands, though the surest take images from the upper ones


def test_a_longer_review_begins_as_a_shorter_one():
    p_wrong = np.random.default_rng(0).random(300)
    assert list(mixed(p_wrong, 200))[:100] == list(mixed(p_wrong, 100))
    assert len(list(mixed(p_wrong, 1000))) <= 300
    assert list(mixed(np.zeros(0), 10)) == []


@pytest.mark.parametrize(
    ("most", "available", "given"),
    [
        (100, [500, 500, 500], [60, 20, 20]),
        (100, [500, 5, 0], [95, 5, 0]),
        (100, [10, 500, 3], [10, 87, 3]),
        (10, [2, 3, 1], [2, 3, 1]),
        (3, [10, 10, 10], [3, 0, 0]),
        (7, [0, 0, 9], [0, 0, 7]),
        (50, [9], [9]),
    ],
)
def test_what_a_kind_cannot_use_goes_to_the_others(most, available, given):
    assert shares(most, available) == given
