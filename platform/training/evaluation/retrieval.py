"""Evaluation by retrieval: each query image ranks the gallery, and images of its identity should come first.

Shapes: Q queries, G gallery images, N images, D dimensions, B queries of a block, M matches of a block,
K nearest images.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Embeddings = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.int64]
Combination = Literal["mean", "concatenation"]

JUNK = -1
"""The identity of gallery images that count neither as right nor as wrong: Market-1501's bad detections."""

RANKS = {"recall_at_1": 1, "rank_5": 5, "rank_10": 10}
METRICS = (*RANKS, "map")
"""Means over queries."""
BLOCK = 128
"""Queries ranked at once: at Market-1501's size a block takes some 100 MB."""

STEPS = 2**30
"""Similarities are told apart by 1 / STEPS."""
PLACE_BITS = 32


@dataclass(frozen=True)
class Embedded:
    """Embeddings of N images with their identities and cameras; ValueError if they cannot be ranked."""

    embeddings: Embeddings
    """[N, D] of any length but 0; they are L2-normalised before they are compared."""
    identities: Numbers
    """[N]; in a gallery -1 is junk. Any other that no query has is a distractor: always wrong."""
    cameras: Numbers
    """[N]"""

    def __post_init__(self) -> None:
        if self.embeddings.ndim != 2 or self.embeddings.size == 0:
            raise ValueError(f"embeddings must be [images, dimensions], got {self.embeddings.shape}")
        images = len(self.embeddings)
        for name in ("identities", "cameras"):
            numbers = getattr(self, name)
            if numbers.shape != (images,) or numbers.dtype != np.int64:
                raise ValueError(
                    f"{name} must be int64 of shape ({images},), got {numbers.dtype} of {numbers.shape}"
                )
        _lengths(self.embeddings)


@dataclass(frozen=True)
class Found:
    """Results of the queries that have a match, in their order.

    ``unmatched``: the number of queries without a match.
    """

    first_Q: Tensor
    """The rank of the first match, from 1 on."""
    precision_Q: Tensor
    """The average precision."""
    unmatched: int

    def metrics(self) -> dict[str, float]:
        """The metrics that :func:`retrieval_metrics` documents."""
        metrics = {name: (self.first_Q <= rank).double().mean().item() for name, rank in RANKS.items()}
        metrics["map"] = self.precision_Q.mean().item()
        return metrics | {"unmatched_queries": float(self.unmatched)}


def retrieval_metrics(query: Embedded, gallery: Embedded, *, block: int = BLOCK) -> dict[str, float]:
    """recall_at_1, rank_5, rank_10, map, and unmatched_queries.

    Each query ranks the gallery by cosine similarity, the most similar first (by Euclidean distance of the
    normalised embeddings the order is the same: ||q - g||² = 2 - 2 q·g). Before that, gallery images of the
    query's identity *and* camera are removed for this query, and images of identity -1 for all. Then, over
    the queries with at least one image of their identity left:

    - recall_at_1, rank_5, rank_10: share of queries with such an image among the first 1, 5, 10 (the
      cumulative matching characteristic), in [0, 1]
    - map: mean of the average precisions AP = 1/m Σ_i (p(n_i - 1) + p(n_i)) / 2, where the query's m images
      of the same identity have ranks n_1 < … < n_m, and p(n) is the precision of the first n, p(0) = 1:
      p(n_i) = i / n_i and p(n_i - 1) = (i - 1) / (n_i - 1). It is the area under the precision-recall curve
      by the trapezoidal rule, and differs from 1/m Σ_i i / n_i, which others call by the same name
    - unmatched_queries: how many queries are left out since no image of their identity is left

    Ties are broken by place in the gallery, the first image first. Similarities are computed in float64 and
    rounded to multiples of 2⁻³⁰ (about 1e-9), so that equal images tie wherever in the gallery they stand,
    and the numbers are the same for any ``block``.

    Zheng et al., Scalable Person Re-identification: A Benchmark, ICCV 2015; average precision as in the
    evaluation code published with its data set Market-1501.

    Raises ValueError if dimensions differ, ``block`` is less than 1, or no query has a match.
    """
    return find(query, gallery, block=block).metrics()


def find(query: Embedded, gallery: Embedded, *, block: int = BLOCK) -> Found:
    """Compute the results per query of which :func:`retrieval_metrics` returns the means; same errors."""
    dimensions = query.embeddings.shape[1], gallery.embeddings.shape[1]
    if dimensions[0] != dimensions[1]:
        raise ValueError(f"query and gallery must have as many dimensions, got {dimensions}")
    if block < 1:
        raise ValueError(f"block must be at least 1, got {block}")
    ranked = [_score(matches) for matches in _ranked_matches(query, gallery, block)]
    first, precision = (torch.cat(parts) for parts in zip(*ranked, strict=True))
    if len(first) == 0:
        raise ValueError("no query has an image of its identity by another camera in the gallery")
    return Found(first, precision, len(query.embeddings) - len(first))


def nearest(
    embeddings_ND: Embeddings, count: int, *, block: int = BLOCK
) -> tuple[Numbers, npt.NDArray[np.float64]]:
    """Find the ``count`` most similar other images of each: their places [N, k] and cosine similarities.

    The most similar image comes first; ties are broken as in :func:`retrieval_metrics`. k is at most N - 1.
    Raises ValueError for embeddings that cannot be normalised.
    """
    unit_ND = _normalised(embeddings_ND)
    images, count = len(unit_ND), min(count, len(unit_ND) - 1)
    if not count:
        return np.empty((images, 0), dtype=np.int64), np.empty((images, 0))
    places, similarities = [], []
    for start in range(0, images, block):
        similarity_BN = unit_ND[start : start + block] @ unit_ND.T
        steps_BN = np.round(similarity_BN * -STEPS).astype(np.int64)
        own_B = np.arange(len(steps_BN))
        steps_BN[own_B, start + own_B] = 2 * STEPS - 1  # the most that fits a key
        keys_BN = steps_BN << PLACE_BITS | np.arange(images)
        nearest_BK = np.sort(np.partition(keys_BN, count - 1, axis=1)[:, :count], axis=1)
        places.append(nearest_BK & (1 << PLACE_BITS) - 1)
        similarities.append(np.take_along_axis(similarity_BN, places[-1], axis=1))
    return np.concatenate(places), np.concatenate(similarities)


def combine(embeddings: Sequence[Embeddings], how: Combination) -> Embeddings:
    """Combine several embeddings of each image, of several networks or of the image and its mirror image.

    Each of ``embeddings`` [N, D_i] is L2-normalised first, so that all count alike. ``mean`` [N, D] needs
    equal dimensions; ``concatenation`` is [N, Σ_i D_i], and its cosine similarity is the mean of the
    parts'. The result is not normalised; :func:`retrieval_metrics` normalises it.

    Raises ValueError for shapes that do not fit together, and embeddings that cannot be normalised.
    """
    shapes = [one.shape for one in embeddings]
    same = slice(None) if how == "mean" else slice(1)
    if len({shape[same] for shape in shapes}) != 1 or any(len(shape) != 2 for shape in shapes):
        raise ValueError(f"embeddings do not fit together for {how}: their shapes are {shapes}")
    normalised = [_normalised(one) for one in embeddings]
    combined = np.mean(normalised, axis=0) if how == "mean" else np.concatenate(normalised, axis=1)
    return combined.astype(np.float32)


@dataclass(frozen=True)
class _Matches:
    """Matches of a block's queries, query by query, the nearest first."""

    query_M: Tensor
    rank_M: Tensor
    """From 1 on."""
    per_query_B: Tensor
    """How many there are."""


def _ranked_matches(query: Embedded, gallery: Embedded, block: int) -> Iterator[_Matches]:
    is_ranked_G = gallery.identities != JUNK
    gallery_GD = torch.from_numpy(_normalised(gallery.embeddings[is_ranked_G]))
    query_QD = torch.from_numpy(_normalised(query.embeddings))
    identity_G, camera_G = (
        torch.from_numpy(each[is_ranked_G]) for each in (gallery.identities, gallery.cameras)
    )
    identity_Q, camera_Q = torch.from_numpy(query.identities), torch.from_numpy(query.cameras)
    for start in range(0, len(query_QD), block):
        of_block = slice(start, start + block)
        is_same_BG = identity_Q[of_block, None] == identity_G
        is_removed_BG = is_same_BG & (camera_Q[of_block, None] == camera_G)
        similarity_BG = query_QD[of_block] @ gallery_GD.T
        order_BG = _by_similarity(similarity_BG, is_removed_BG)
        is_match_BG = (is_same_BG & ~is_removed_BG).gather(1, order_BG)
        query_M, place_M = is_match_BG.nonzero(as_tuple=True)
        yield _Matches(query_M, place_M + 1, is_match_BG.sum(1))


def _by_similarity(similarity_BG: Tensor, is_last_BG: Tensor) -> Tensor:
    """Sort the gallery by similarity, ties by place; removed images come last.

    Similarity and place are one integer, so sorting values is enough: numpy does that ten times as fast as
    torch sorts stably and keeps the places.
    """
    steps_BG = (similarity_BG * -STEPS).round().long()
    steps_BG[is_last_BG] = 2 * STEPS - 1  # the most that fits a key
    keys_BG = steps_BG << PLACE_BITS | torch.arange(similarity_BG.shape[1])
    return torch.from_numpy(np.sort(keys_BG.numpy(), axis=1)) & (1 << PLACE_BITS) - 1


def _score(matches: _Matches) -> tuple[Tensor, Tensor]:
    """Rank of the first match and average precision of each query that has a match."""
    per_query_B = matches.per_query_B
    before_B = per_query_B.cumsum(0) - per_query_B
    rank_M = matches.rank_M.double()
    number_M = torch.arange(1, len(rank_M) + 1) - before_B[matches.query_M]
    precision_M = number_M / rank_M
    before_M = torch.where(rank_M == 1, 1.0, (number_M - 1) / (rank_M - 1))
    sums_B = torch.zeros(len(per_query_B), dtype=torch.float64)
    sums_B.index_add_(0, matches.query_M, (before_M + precision_M) / 2)
    has_match_B = per_query_B > 0
    first_B = matches.rank_M[before_B[has_match_B]]
    return first_B, sums_B[has_match_B] / per_query_B[has_match_B]


def _normalised(embeddings_ND: Embeddings) -> npt.NDArray[np.float64]:
    normalised: npt.NDArray[np.float64] = embeddings_ND / _lengths(embeddings_ND)[:, None]
    return normalised


def _lengths(embeddings_ND: Embeddings) -> npt.NDArray[np.float64]:
    lengths_N: npt.NDArray[np.float64] = np.linalg.norm(embeddings_ND.astype(np.float64), axis=1)
    wrong = int((~np.isfinite(lengths_N) | (lengths_N == 0)).sum())
    if wrong:
        raise ValueError(f"embeddings must be finite and not 0, but {wrong} of {len(lengths_N)} are not")
    return lengths_N
