"""Nearest neighbours by cosine: exact in blocks, or through inverted lists whose recall is measured.

N: images, D: dimensions, K: neighbours of each, L: lists, Q: images asked at a time, M: candidates.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from platform.datasets.audit.labels.faiss_lists import FaissLists

Floats = npt.NDArray[np.floating]

EXACT_UP_TO: Final = 60_000
"""Images of which all pairs are compared: a minute of two cores."""
BLOCK: Final = 1024
MEASURED: Final = 2000
"""Images whose exact neighbours the recall is measured on."""
ENOUGH: Final = 0.95
_SAMPLE_A_LIST: Final = 64
_ROUNDS: Final = 8

By = Literal["all pairs", "inverted lists", "inverted lists of faiss"]
OWN: Final = "inverted lists"
FAISS: Final = "inverted lists of faiss"
Found = tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]
"""Places and cosines [N, K]."""


@dataclass(frozen=True)
class Neighbours:
    """``places_NK``: the most similar other images, the nearest first; ``cosines_NK``: their similarity.

    ``recall``: the share of the exact neighbours of some images that were found; 1 where all pairs were
    compared. ``probes``: the lists searched for each image, 0 where all pairs were compared. ``by``: what
    searched.
    """

    places_NK: npt.NDArray[np.int32]
    cosines_NK: npt.NDArray[np.float32]
    recall: float = 1.0
    probes: int = 0
    by: By = "all pairs"


def nearest(
    embeddings_ND: Floats,
    count: int,
    *,
    exact_up_to: int = EXACT_UP_TO,
    probes: int = 8,
    with_faiss: bool | None = None,
) -> Neighbours:
    """The ``count`` nearest others of each image; fewer if there are fewer.

    ``embeddings_ND`` have unit length. Above ``exact_up_to`` images, each is compared with those of
    ``probes`` lists: with faiss those whose centres are nearest to the image, else those nearest to the
    centre of its own list. ``probes`` is doubled until the recall on 2,000 images reaches 0.95.

    Args:
        with_faiss: Whether faiss searches the lists; None: if it is installed.
    """
    images = len(embeddings_ND)
    count = min(count, max(images - 1, 0))
    if images <= exact_up_to or not count:
        return Neighbours(*_exact(embeddings_ND, np.arange(images), count))
    lists = 2 ** round(math.log2(4 * math.sqrt(images)))
    centres_LD, list_N = _lists(embeddings_ND, lists)
    asked_Q = np.linspace(0, images - 1, min(MEASURED, images)).astype(np.int64)
    truth_QK, _ = _exact(embeddings_ND, asked_Q, count)
    by: By
    search: Callable[[int, int], Found]
    if with_faiss if with_faiss is not None else find_spec("faiss") is not None:
        by, search = FAISS, FaissLists(embeddings_ND, centres_LD.numpy()).search
    else:
        by, search = OWN, partial(_through_lists, embeddings_ND, centres_LD, list_N)
    while True:
        places_NK, cosines_NK = search(count, min(probes, lists))
        hits = [np.isin(*pair).mean() for pair in zip(truth_QK, places_NK[asked_Q], strict=True)]
        recall = float(np.mean(hits))
        if recall >= ENOUGH or probes >= lists:
            return Neighbours(places_NK, cosines_NK, recall, min(probes, lists), by)
        probes *= 2


def _exact(
    embeddings_ND: Floats, asked_Q: npt.NDArray[np.int64], count: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Places and cosines [Q, K] of the nearest others among all images."""
    places_QK = np.empty((len(asked_Q), count), dtype=np.int32)
    cosines_QK = np.empty((len(asked_Q), count), dtype=np.float32)
    for start in range(0, len(asked_Q), BLOCK):
        some = asked_Q[start : start + BLOCK]
        best = _best(_tensor(embeddings_ND[some]), some, embeddings_ND, None, count)
        places_QK[start : start + BLOCK], cosines_QK[start : start + BLOCK] = best
    return places_QK, cosines_QK


def _best(
    asked_QD: Tensor,
    own_Q: npt.NDArray[np.int64],
    embeddings_ND: Floats,
    among_M: npt.NDArray[np.int64] | None,
    count: int,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """The nearest of ``among_M`` (None: all), without the image itself; -1 where there are too few."""
    size = len(embeddings_ND) if among_M is None else len(among_M)
    values: list[Tensor] = []
    places: list[Tensor] = []
    for start in range(0, size, 64 * BLOCK):
        some_M = np.arange(start, min(start + 64 * BLOCK, size))
        rows_M = some_M if among_M is None else among_M[some_M]
        cosines_QM = asked_QD @ _tensor(embeddings_ND[rows_M]).T
        cosines_QM[torch.from_numpy(own_Q)[:, None] == torch.from_numpy(rows_M)] = -torch.inf
        found = cosines_QM.topk(min(count, len(rows_M)), dim=1)
        values.append(found.values)
        places.append(torch.from_numpy(rows_M)[found.indices])
    cosines_QK, order = torch.cat(values, dim=1).topk(min(count, size), dim=1)
    places_QK = torch.cat(places, dim=1).gather(1, order)
    places_QK[cosines_QK.isinf()] = -1
    short = count - places_QK.shape[1]
    padded = torch.nn.functional.pad(places_QK, (0, short), value=-1)
    return padded.int().numpy(), torch.nn.functional.pad(cosines_QK, (0, short), value=-torch.inf).numpy()


def _lists(embeddings_ND: Floats, lists: int) -> tuple[Tensor, npt.NDArray[np.int64]]:
    """Centres [L, D] by spherical k-means of a sample, and each image's list [N]."""
    random = np.random.default_rng(0)
    size = min(len(embeddings_ND), lists * _SAMPLE_A_LIST)
    sample_SD = _tensor(embeddings_ND[np.sort(random.permutation(len(embeddings_ND))[:size])])
    centres_LD = sample_SD[torch.from_numpy(random.permutation(size)[:lists])].clone()
    for _ in range(_ROUNDS):
        own_S = _assigned(sample_SD, centres_LD)
        sums_LD = torch.zeros_like(centres_LD).index_add_(0, own_S, sample_SD)
        lengths_L1 = sums_LD.norm(dim=1, keepdim=True)
        centres_LD = torch.where(lengths_L1 > 0, sums_LD / lengths_L1.clamp(min=1e-12), centres_LD)
    starts = range(0, len(embeddings_ND), 16 * BLOCK)
    parts = [_assigned(_tensor(embeddings_ND[start : start + 16 * BLOCK]), centres_LD) for start in starts]
    return centres_LD, torch.cat(parts).numpy()


def _assigned(some_SD: Tensor, centres_LD: Tensor) -> Tensor:
    return torch.cat([(part @ centres_LD.T).argmax(1) for part in some_SD.split(4 * BLOCK)])


def _through_lists(
    embeddings_ND: Floats, centres_LD: Tensor, list_N: npt.NDArray[np.int64], count: int, probes: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """The nearest of the images in the ``probes`` lists nearest to the image's own, which is one of them."""
    order_N = np.argsort(list_N, kind="stable")
    bounds = np.searchsorted(list_N[order_N], np.arange(len(centres_LD) + 1))
    near_LP = (centres_LD @ centres_LD.T).topk(probes, dim=1).indices.numpy()
    places_NK = np.empty((len(list_N), count), dtype=np.int32)
    cosines_NK = np.empty((len(list_N), count), dtype=np.float32)
    for own, near_P in enumerate(near_LP):
        own_Q = order_N[bounds[own] : bounds[own + 1]]
        if not len(own_Q):
            continue
        among_M = np.sort(np.concatenate([order_N[bounds[one] : bounds[one + 1]] for one in near_P]))
        for start in range(0, len(own_Q), BLOCK):
            some = own_Q[start : start + BLOCK]
            best = _best(_tensor(embeddings_ND[some]), some, embeddings_ND, among_M, count)
            places_NK[some], cosines_NK[some] = best
    return places_NK, cosines_NK


def _tensor(values: Floats) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
