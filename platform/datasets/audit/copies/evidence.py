"""For each pair of images the best proof that one is a copy of the other. K: pairs of images."""

from dataclasses import dataclass

import numpy as np

from platform.datasets.arrays import Ints
from platform.datasets.audit.copies.candidates import closeness, every_way
from platform.datasets.audit.copies.comparing.alignment import Laid, confirmed
from platform.datasets.audit.copies.comparing.small_pictures import Floats, SmallPictures

WAYS = 3  # in which a given pair is confirmed: those that look best


@dataclass(frozen=True)
class Evidence:
    """K pairs of images, each once; ``one`` < ``other``, sorted.

    Attributes:
        score: Correlation of the edges where ``laid`` says that they fit.
    """

    one: Ints
    other: Ints
    score: Floats
    laid: Laid

    def __len__(self) -> int:
        return len(self.one)

    def at_least(self, threshold: float) -> "Evidence":
        places = np.flatnonzero(self.score >= threshold)
        return Evidence(self.one[places], self.other[places], self.score[places], self.laid.at(places))

    def with_more(self, more: "Evidence") -> "Evidence":
        """These pairs, then others."""
        return Evidence(
            np.concatenate([self.one, more.one]),
            np.concatenate([self.other, more.other]),
            np.concatenate([self.score, more.score]),
            Laid.joined([self.laid, more.laid]),
        )


def evidence(pictures: SmallPictures, laid: Laid) -> Evidence:
    """Confirm candidates on pixels; of several ways of a pair the best is kept, of equal ones the first."""
    laid, score = confirmed(pictures, laid)
    images_P2 = np.sort(
        np.stack([pictures.image_E[laid.host_P], pictures.image_E[laid.piece_P]], axis=1), axis=1
    )
    order = np.lexsort((np.arange(len(laid)), -score, images_P2[:, 1], images_P2[:, 0]))
    sorted_P2 = images_P2[order]
    is_first = np.ones(len(order), dtype=np.bool_)
    is_first[1:] = (sorted_P2[1:] != sorted_P2[:-1]).any(axis=1)
    best = order[is_first]
    return Evidence(images_P2[best, 0], images_P2[best, 1], score[best], laid.at(best))


def evidence_of_pairs(pictures: SmallPictures, one: Ints, other: Ints) -> tuple[Evidence, Floats]:
    """Confirm given pairs in the ways that look best; and how closely each way looked, by pair.

    A pair of which one has no view has no evidence, and is left out.
    """
    laid = every_way(pictures, one, other)
    close = closeness(pictures, laid)
    pair_P2 = np.sort(
        np.stack([pictures.image_E[laid.host_P], pictures.image_E[laid.piece_P]], axis=1), axis=1
    )
    order = np.lexsort((np.arange(len(laid)), -close, pair_P2[:, 1], pair_P2[:, 0]))
    is_first = np.ones(len(order), dtype=np.bool_)
    is_first[1:] = (pair_P2[order][1:] != pair_P2[order][:-1]).any(axis=1)
    starts = np.flatnonzero(is_first)
    rank = np.arange(len(order)) - np.repeat(starts, np.diff(np.append(starts, len(order))))
    found = evidence(pictures, laid.at(order[rank < WAYS]))
    return found, close[order[is_first]]
