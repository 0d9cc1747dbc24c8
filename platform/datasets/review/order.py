"""In which order images are reviewed, as functions of arrays. N: images; each order is of rows."""

from collections.abc import Iterator, Sequence
from itertools import cycle

import numpy as np
import numpy.typing as npt

from platform.datasets.arrays import Ints

Floats = npt.NDArray[np.float64]

BANDS = 10
"""Bands of the probability of a wrong label, from which images to check are drawn in turn."""
SUREST, UNCERTAIN, CHECK = "surest", "uncertain", "check"
PATTERN = (SUREST, UNCERTAIN, SUREST, CHECK, SUREST)
"""What every five images are: most are worth a review by themselves, the others calibrate the scores."""


def stratified(codes_N: Ints, seed: int = 0) -> Ints:
    """[N] A random order whose every start holds each class by its share.

    The image of random rank k (from 0) in its class of n stands at (k + u) / n, u uniform in [0, 1).
    """
    ranks_N, random_N = _ranks(codes_N, seed)
    sizes_C = np.bincount(codes_N)
    return np.argsort((ranks_N + random_N) / sizes_C[codes_N], kind="stable")


def in_turn(codes_N: Ints, seed: int = 0) -> Ints:
    """[N] A random order in which every class comes once before any class comes twice."""
    ranks_N, random_N = _ranks(codes_N, seed)
    return np.argsort(ranks_N + random_N, kind="stable")


def mixed(p_wrong_N: Floats, most: int, seed: int = 0) -> Iterator[tuple[int, str]]:
    """At least ``most`` rows (or all), each with what it is there for, as :data:`PATTERN` says.

    The surest come by falling probability of a wrong label, the uncertain by its distance to 1/2, the
    checks at random from ten bands of it in turn: so that the answers say, too, how often a low score is
    wrong.
    """
    bands_N = np.minimum((p_wrong_N * BANDS).astype(np.int64), BANDS - 1)
    orders = {
        SUREST: iter(np.argsort(-p_wrong_N, kind="stable").tolist()),
        UNCERTAIN: iter(np.argsort(np.abs(p_wrong_N - 0.5), kind="stable").tolist()),
        CHECK: iter(in_turn(bands_N, seed).tolist()),
    }
    taken: set[int] = set()
    for kind in cycle(PATTERN):
        row = next((row for row in orders[kind] if row not in taken), None)
        if row is None or len(taken) >= most:
            return
        taken.add(row)
        yield row, kind


def shares(most: int, available: Sequence[int]) -> list[int]:
    """How many of ``most`` images each kind gets, of those it has.

    A fifth for each kind but the first, which has the rest; what a kind cannot use goes to the others in
    their order.
    """
    wanted = [most - (len(available) - 1) * (most // 5), *([most // 5] * (len(available) - 1))]
    given = [min(want, have) for want, have in zip(wanted, available, strict=True)]
    for place, have in enumerate(available):
        given[place] += min(most - sum(given), have - given[place])
    return given


def _ranks(codes_N: Ints, seed: int) -> tuple[Ints, Floats]:
    """[N] each row's random rank in its class, from 0, and another random number in [0, 1)."""
    random = np.random.default_rng(seed)
    shuffled_N = random.permutation(len(codes_N))
    by_class_N = shuffled_N[np.argsort(codes_N[shuffled_N], kind="stable")]
    starts_C = np.concatenate([[0], np.cumsum(np.bincount(codes_N))])[:-1] if len(codes_N) else codes_N
    ranks_N = np.empty(len(codes_N), dtype=np.int64)
    ranks_N[by_class_N] = np.arange(len(codes_N)) - starts_C[codes_N[by_class_N]]
    return ranks_N, random.random(len(codes_N))
