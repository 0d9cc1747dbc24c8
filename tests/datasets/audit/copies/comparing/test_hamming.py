"""Pairs of hashes that differ in few bits, against all pairs."""

import numpy as np
import pytest

from platform.datasets.audit.copies.comparing.hamming import MOST_RADIUS, pairs_within


def hashes(count: int, seed: int = 0) -> np.ndarray:
    """Random ones, and copies of some with up to nine bits turned."""
    random = np.random.default_rng(seed)
    found = random.integers(0, 2**64, count, dtype=np.uint64)
    for place in range(count // 2):
        bits = random.choice(64, random.integers(0, 10), replace=False)
        for bit in bits:
            found[place] = (
                found[count - 1 - place] ^ np.uint64(1 << int(bit))
                if bit == bits[0]
                else (found[place] ^ np.uint64(1 << int(bit)))
            )
    return found


def all_pairs(left: np.ndarray, right: np.ndarray, radius: int) -> set[tuple[int, int]]:
    distance = np.bitwise_count(left[:, None] ^ right[None])
    return {(int(one), int(other)) for one, other in np.argwhere(distance <= radius) if one != other}


@pytest.mark.parametrize("radius", [0, 3, MOST_RADIUS])
def test_all_pairs_within_the_radius_are_found_and_no_others(radius):
    table = hashes(300)
    expected = {pair for pair in all_pairs(table, table, radius) if pair[0] < pair[1]}
    assert set(map(tuple, pairs_within(table, None, radius).tolist())) == expected
    assert radius == 0 or len(expected) > 30


def test_left_hashes_are_compared_with_right_ones():
    left, right = hashes(200), hashes(200, seed=1)
    right[:50] = left[50:100] ^ np.uint64(0b1011)
    found = set(map(tuple, pairs_within(left, right, 6).tolist()))
    assert found == all_pairs(left, right, 6)
    assert len(found) >= 50


def test_a_thousand_equal_hashes_do_not_make_a_million_pairs():
    table = np.full(1000, 77, dtype=np.uint64)
    table[500:] ^= np.uint64(1)
    pairs = pairs_within(table, None, 2)
    assert len(pairs) < 5000
    reached = {0}
    for one, other in pairs.tolist():
        if one in reached:
            reached.add(other)
    assert reached == set(range(1000))


def test_a_radius_that_bands_cannot_find_is_refused():
    with pytest.raises(ValueError, match="radius must be in 0 … 7, got 8"):
        pairs_within(hashes(4), None, 8)
