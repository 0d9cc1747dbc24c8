"""Pairs of 64-bit hashes that differ in few bits, without comparing all with all.

U, V: different hashes on the left and on the right; each image has one on either side.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from platform.datasets.arrays import Ints

Hashes = npt.NDArray[np.uint64]

BANDS, BAND_BITS = 4, 16
MOST_RADIUS: Final = 2 * BANDS - 1
"""Two hashes that differ in at most so many bits differ in at most one bit of one of the bands."""
BLOCK = 2_000_000  # pairs compared at a time: about 100 MB
LARGEST_BUCKET = 30_000


def pairs_within(left: Hashes, right: Hashes | None, radius: int) -> Ints:
    """[K, 2], sorted: images whose left and right hash differ in at most ``radius`` bits.

    Without ``right`` a hash is compared with those of the other images, and each pair is there once, the
    lower image first. Images with the same hash on one side are not all paired, or a million copies would
    make 10¹² pairs: each is paired with the first and with the next of them.

    Multi-index hashing (Norouzi, Punjani & Fleet, CVPR 2012): four bands of 16 bits, each looked up as it is
    and with each of its bits turned. A band's bucket with more than 30,000 hashes is passed over.
    """
    if not 0 <= radius <= MOST_RADIUS:
        raise ValueError(f"radius must be in 0 … {MOST_RADIUS}, got {radius}")
    lefts = _Distinct(left)
    rights = lefts if right is None else _Distinct(right)
    found = [_near(lefts.hashes, rights.hashes, band, radius) for band in range(BANDS)]
    near_K2 = np.unique(np.concatenate(found), axis=0)
    if right is not None:
        return _images(near_K2, lefts, rights)
    near_K2 = near_K2[near_K2[:, 0] < near_K2[:, 1]]
    pairs = np.sort(np.concatenate([_images(near_K2, lefts, rights), lefts.within()]), axis=1)
    return np.unique(pairs, axis=0)


class _Distinct:
    """The different hashes, and the images that have each."""

    def __init__(self, hashes: Hashes) -> None:
        self.hashes, place_N, counts = np.unique(hashes, return_inverse=True, return_counts=True)
        self.image_N = np.argsort(place_N, kind="stable").astype(np.int64)
        self.start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        self.count = counts

    def within(self) -> Ints:
        """[K, 2]: images of one hash, each with the first and the next of them."""
        is_first = np.zeros(len(self.image_N), dtype=np.bool_)
        is_first[self.start[:-1]] = True
        others = np.flatnonzero(~is_first)
        first = np.repeat(self.image_N[self.start[:-1]], self.count)[others]
        return np.concatenate(
            [
                np.stack([first, self.image_N[others]], axis=1),
                np.stack([self.image_N[others - 1], self.image_N[others]], axis=1),
            ]
        )


def _near(left_U: Hashes, right_V: Hashes, band: int, radius: int) -> Ints:
    """[K, 2]: places of hashes within the radius of which one band differs in one bit at most."""
    shift, buckets = np.uint64(band * BAND_BITS), 1 << BAND_BITS
    left_key = ((left_U >> shift) & np.uint64(buckets - 1)).astype(np.int64)
    right_key = ((right_V >> shift) & np.uint64(buckets - 1)).astype(np.int64)
    order = np.argsort(right_key, kind="stable").astype(np.int64)
    start = np.searchsorted(right_key[order], np.arange(buckets + 1)).astype(np.int64)
    size = np.diff(start)
    size[size > LARGEST_BUCKET] = 0
    found = [np.empty((0, 2), dtype=np.int64)]
    for mask in [0, *(1 << bit for bit in range(BAND_BITS))]:
        key = left_key ^ mask
        ends = np.cumsum(size[key])
        blocks = np.arange(BLOCK, int(ends[-1]) + BLOCK, BLOCK) if len(ends) else np.empty(0, dtype=np.int64)
        first = 0
        for last in np.searchsorted(ends, blocks) + 1:
            rows = np.arange(first, min(last, len(key)))
            found.append(_compared(left_U, right_V, rows, start[key[rows]], size[key[rows]], order, radius))
            first = int(last)
    return np.concatenate(found)


def _compared(
    left_U: Hashes, right_V: Hashes, rows: Ints, start: Ints, size: Ints, order: Ints, radius: int
) -> Ints:
    """The pairs within the radius, of each of ``rows`` with the hashes of its bucket."""
    row = np.repeat(rows, size)
    within = np.arange(len(row)) - np.repeat(np.cumsum(size) - size, size)
    other = order[np.repeat(start, size) + within]
    is_near = np.bitwise_count(left_U[row] ^ right_V[other]) <= radius
    return np.stack([row[is_near], other[is_near]], axis=1)


def _images(near_K2: Ints, lefts: _Distinct, rights: _Distinct) -> Ints:
    """[M, 2], sorted: each image of a hash with the first of the other hash, but not with itself."""
    first_left, first_right = lefts.start[near_K2[:, 0]], rights.start[near_K2[:, 1]]
    left_count, right_count = lefts.count[near_K2[:, 0]], rights.count[near_K2[:, 1]]
    all_left = _spread(first_left, left_count)
    all_right = _spread(first_right, right_count)
    pairs = np.concatenate(
        [
            np.stack([lefts.image_N[all_left], rights.image_N[np.repeat(first_right, left_count)]], axis=1),
            np.stack([lefts.image_N[np.repeat(first_left, right_count)], rights.image_N[all_right]], axis=1),
        ]
    )
    return np.unique(pairs[pairs[:, 0] != pairs[:, 1]], axis=0)


def _spread(start: Ints, count: Ints) -> Ints:
    """start, start + 1 … of each, ``count`` numbers."""
    return np.repeat(start - (np.cumsum(count) - count), count) + np.arange(int(count.sum()))
