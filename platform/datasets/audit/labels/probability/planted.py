"""Plants wrong labels in a copy of the labels, to learn from them what wrong labels look like.

N: images, P: planted ones, C: classes.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from platform.datasets.arrays import Ints

Floats = npt.NDArray[np.float64]

SHARE: Final = 0.04
"""Of all images."""
WANTED: Final = 400
"""Planted errors in all: where a share of the images is fewer, several copies of the labels get some."""
COPIES: Final = 8
"""At most so many copies: each is judged anew."""
MOST: Final = 0.2
"""Of the presumably clean images, for each copy."""
BINS: Final = 10
_STREAM: Final = 13


@dataclass(frozen=True)
class Planted:
    """``labels_N``: the copy of the labels; ``rows_P``: whose label was changed, ascending.

    ``lookalike_P``: whether to the class that the image resembles most besides its own.
    """

    labels_N: Ints
    rows_P: Ints
    lookalike_P: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Knowledge:
    """What is known of the images before errors are planted.

    ``is_clean_N``: presumably rightly labelled. ``others_NK``: other classes than the label, the likeliest
    first. ``ease_N``: how easy the image is, whatever its label, such as its highest probability.
    ``ranks_J``: how often an error should be the first, second … of these classes; its last element is of all
    classes that are not among the K, which are then drawn at random.
    """

    is_clean_N: npt.NDArray[np.bool_]
    others_NK: npt.NDArray[np.int32]
    ease_N: Floats
    ranks_J: Floats


def plant(labels_N: Ints, known: Knowledge, classes: int, seed: int = 0) -> Planted:
    """Change labels of presumably clean images to other classes, as near or far as real errors are.

    Images are drawn so that easy and hard ones are as frequent among the planted as among all: presumably
    clean ones are easier than others, and errors in them would be found too easily.
    """
    random = np.random.default_rng([seed, _STREAM])
    candidates = np.flatnonzero(known.is_clean_N)
    count = min(max(round(SHARE * len(labels_N)), 2), int(MOST * len(candidates)))
    if not count or classes < 2:
        return Planted(labels_N.copy(), np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.bool_))
    weights = _weights(known.ease_N, known.is_clean_N)[candidates]
    keys = random.exponential(size=len(candidates)) / weights  # the smallest are a weighted sample
    chosen = candidates[np.argsort(keys, kind="stable")[:count]]
    ranks = random.choice(len(known.ranks_J), count, p=known.ranks_J / known.ranks_J.sum())
    drawn = (labels_N[chosen] + random.integers(1, classes, size=count)) % classes
    kept = known.others_NK.shape[1]
    ranked = known.others_NK[chosen, np.minimum(ranks, kept - 1)]
    labels = labels_N.copy()
    labels[chosen] = np.where((ranks < kept) & (ranked >= 0), ranked, drawn)
    order = np.argsort(chosen)
    return Planted(labels, chosen[order], (ranks == 0)[order])


def ranks_of_errors(others_SK: npt.NDArray[np.int32], labels_S: Ints, classes: int) -> Floats:
    """[K + 1] how often the label of an image that is surely wrong is its first, second … other class.

    ``others_SK``: classes besides the one that the image has, the likeliest first. Ten images of which half
    are of the first rank and half of any are counted besides, so that all kinds of errors are planted.
    """
    kept = others_SK.shape[1]
    is_it_SK = others_SK == labels_S[:, None]
    rank_S = np.where(is_it_SK.any(axis=1), is_it_SK.argmax(axis=1), kept)
    any_J = np.append(np.ones(kept), max(classes - 1 - kept, 0)) / max(classes - 1, 1)
    first_J = np.eye(kept + 1)[0]
    return np.asarray(np.bincount(rank_S, minlength=kept + 1) + 5 * any_J + 5 * first_J, dtype=np.float64)


def copies_of(images: int) -> int:
    """How many copies of the labels it takes to plant enough errors: more in one would be noise to learn."""
    return int(np.clip(np.ceil(WANTED / max(SHARE * images, 1)), 1, COPIES))


def _weights(ease_N: Floats, is_clean_N: npt.NDArray[np.bool_]) -> Floats:
    """[N] by tenths of ease: how much rarer clean images are there than images are; at most 10."""
    edges = np.quantile(ease_N, np.linspace(0, 1, BINS + 1)[1:-1])
    bin_N = np.searchsorted(edges, ease_N, side="right")
    all_B = np.bincount(bin_N, minlength=BINS) / len(ease_N)
    clean_B = np.bincount(bin_N[is_clean_N], minlength=BINS) / max(is_clean_N.sum(), 1)
    return np.asarray(np.clip(all_B / np.maximum(clean_B, 1e-9), 1e-9, 10)[bin_N])
