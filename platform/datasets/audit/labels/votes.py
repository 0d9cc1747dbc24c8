"""What the labels of an image's neighbours say of its own, with an estimated noise matrix.

N: images, K: neighbours of each, C: classes, J = K + 1 candidates of an image.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from platform.datasets.arrays import Ints

Floats = npt.NDArray[np.float64]

ROUNDS: Final = 15
VOTERS: Final = 10
"""Neighbours whose labels count as independent of each other."""
_PRIOR: Final = 0.5
_BLOCK: Final = 65_536


@dataclass(frozen=True)
class NoiseModel:
    """``shares_C``: of the true classes; ``given_CC``: row c holds the shares of the labels given to class c.

    ``posterior_NJ``: of each candidate class of ``candidates_NJ`` (the labels of the image's neighbours,
    which may repeat: then later ones have 0), from the neighbours' labels alone.
    """

    shares_C: Floats
    given_CC: npt.NDArray[np.float32]
    candidates_NJ: npt.NDArray[np.int32]
    posterior_NJ: npt.NDArray[np.float32]

    def of(self, labels_N: Ints) -> Floats:
        """[N] the posterior of a label for each image; 0 for a label that no neighbour has."""
        is_it_NJ = self.candidates_NJ == labels_N[:, None]
        return np.asarray((self.posterior_NJ * is_it_NJ).sum(axis=1), dtype=np.float64)


def vote_shares(labels_N: Ints, asked_N: Ints, places_NK: npt.NDArray[np.int32]) -> Floats:
    """[N] the share of each image's neighbours with the label ``asked_N``; 0.5 without neighbours."""
    is_there_NK = places_NK >= 0
    same_NK = (labels_N[places_NK] == asked_N[:, None]) & is_there_NK
    counts_N = is_there_NK.sum(axis=1)
    return np.where(counts_N > 0, same_NK.sum(axis=1) / np.maximum(counts_N, 1), 0.5)


def fit_noise(labels_N: Ints, places_NK: npt.NDArray[np.int32], classes: int) -> NoiseModel:
    """Estimate the noise matrix from labels of neighbours, and each image's true class from it.

    The model is that of HOC (Zhu, Song & Liu, Clusterability as an Alternative to Anchor Points When Learning
    with Noisy Labels, ICML 2021): an image and its nearest neighbours have one true class, and their labels
    are drawn independently given it. Here it is fitted by expectation and maximisation (Dawid & Skene 1979),
    as matching moments of third order, as HOC does, takes C ** 3 numbers.
    """
    voters_NK = places_NK[:, :VOTERS]
    votes_NK = np.where(voters_NK >= 0, labels_N[voters_NK], -1).astype(np.int32)
    candidates_NJ = np.concatenate([votes_NK, labels_N[:, None].astype(np.int32)], axis=1)
    is_first_NJ = _is_first(candidates_NJ)
    shares_C = np.bincount(labels_N, minlength=classes) / max(len(labels_N), 1)
    given_CC = np.full((classes, classes), 0.2 / max(classes - 1, 1), dtype=np.float32)
    np.fill_diagonal(given_CC, 0.8)
    for _ in range(ROUNDS):
        counts_CC = np.zeros((classes, classes))
        for rows in _blocks(len(labels_N)):
            some_NJ = candidates_NJ[rows]
            weight_NJ = _posterior(some_NJ, some_NJ, is_first_NJ[rows], shares_C, given_CC)
            _count(counts_CC, some_NJ, weight_NJ, some_NJ)
        totals_C1 = counts_CC.sum(axis=1, keepdims=True)
        shares_C = totals_C1[:, 0] / totals_C1.sum()
        smooth_CC = counts_CC + _PRIOR / classes + np.eye(classes) * _PRIOR
        given_CC = (smooth_CC / smooth_CC.sum(axis=1, keepdims=True)).astype(np.float32)
    parts = [
        _posterior(candidates_NJ[rows], votes_NK[rows], is_first_NJ[rows], shares_C, given_CC)
        for rows in _blocks(len(labels_N))
    ]
    posterior_NJ = np.concatenate(parts) if parts else np.zeros(candidates_NJ.shape, dtype=np.float32)
    return NoiseModel(shares_C, given_CC, candidates_NJ, posterior_NJ)


def _blocks(rows: int) -> list[slice]:
    return [slice(start, start + _BLOCK) for start in range(0, rows, _BLOCK)]


def _is_first(candidates_NJ: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Where a class stands for the first time in its row."""
    is_first_NJ = candidates_NJ >= 0
    for place in range(1, candidates_NJ.shape[1]):
        earlier_N = (candidates_NJ[:, :place] == candidates_NJ[:, place, None]).any(axis=1)
        is_first_NJ[:, place] &= ~earlier_N
    return is_first_NJ


def _posterior(
    candidates_NJ: npt.NDArray[np.int32],
    votes_NK: npt.NDArray[np.int32],
    is_first_NJ: npt.NDArray[np.bool_],
    shares_C: Floats,
    given_CC: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """p(c | votes) ∝ p_c Π_k T[c, vote k], for each candidate c."""
    log_NJ = np.log(shares_C[candidates_NJ] + 1e-12)
    for vote_N in votes_NK.T:
        log_NJ += np.where(vote_N[:, None] >= 0, np.log(given_CC[candidates_NJ, vote_N[:, None]]), 0)
    log_NJ[~is_first_NJ] = -np.inf
    odds_NJ = np.exp(log_NJ - log_NJ.max(axis=1, keepdims=True))
    shares: npt.NDArray[np.float32] = (odds_NJ / odds_NJ.sum(axis=1, keepdims=True)).astype(np.float32)
    return shares


def _count(
    counts_CC: Floats,
    candidates_NJ: npt.NDArray[np.int32],
    weight_NJ: npt.NDArray[np.float32],
    votes_NK: npt.NDArray[np.int32],
) -> None:
    """Add each vote to the row of each candidate, by the candidate's weight."""
    classes = len(counts_CC)
    cells = candidates_NJ[:, :, None].astype(np.int64) * classes + votes_NK[:, None, :]
    weights = np.broadcast_to(weight_NJ[:, :, None], cells.shape)
    counts = (weights > 1e-6) & (candidates_NJ[:, :, None] >= 0) & (votes_NK[:, None, :] >= 0)
    found = np.bincount(cells[counts], weights[counts], minlength=classes**2)
    counts_CC += found.reshape(classes, classes)
