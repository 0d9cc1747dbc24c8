"""Finds classes that fall into two groups, and images far from all others of their class.

N: images, n: those of one class, D: dimensions, S: simulations.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import normalize

from platform.datasets.arrays import Ints

Floats = npt.NDArray[np.float64]

LEAST: Final = 12
"""Images below which a class is not divided."""
AT_MOST: Final = 600
"""Images of a class on which the test is made, evenly spaced."""
SIMULATIONS: Final = 30
DIMENSIONS: Final = 32
SIGNIFICANT: Final = -4.0
"""Standard deviations of the simulations below which a class has two groups: 0.2 of 5,000 do by luck."""
_ROUNDS: Final = 15
_STARTS: Final = 3
_FAR: Final = 4.0


@dataclass(frozen=True)
class Halves:
    """Of N images: ``is_other_N``, in the smaller group of a class with two; ``separation_C`` by class.

    ``separation``: how many standard deviations the cluster index is below what one group would have;
    NaN for classes that are too small. ``distance_N``: one minus the mean cosine with the nearest images of
    the class; ``is_far_N``: whether that is far more than is usual there.
    """

    is_other_N: npt.NDArray[np.bool_]
    separation_C: Floats
    distance_N: Floats
    is_far_N: npt.NDArray[np.bool_]


def find_halves(embeddings_ND: npt.NDArray[np.floating], labels_N: Ints, classes: int) -> Halves:
    """Divide each class by 2-means on the unit sphere, and test the division against one group.

    The test is SigClust (Liu, Hayes, Nobel & Marron, Statistical Significance of Clustering for
    High-Dimension, Low-Sample Size Data, JASA 2008): the cluster index, the squared distances within two
    groups as a share of those from one mean, compared with that of normal distributions with the same
    variances along the class's principal axes. The larger group is kept: it need not be the right one, which
    a person sees at once on a sheet of both.
    """
    order_N = np.argsort(labels_N, kind="stable")
    bounds = np.searchsorted(labels_N[order_N], np.arange(classes + 1))
    found = Halves(
        np.zeros(len(labels_N), dtype=np.bool_),
        np.full(classes, np.nan),
        np.zeros(len(labels_N)),
        np.zeros(len(labels_N), dtype=np.bool_),
    )
    for label in range(classes):
        own = order_N[bounds[label] : bounds[label + 1]]
        if len(own) < 2:
            continue
        own_nD = torch.from_numpy(np.ascontiguousarray(embeddings_ND[own], dtype=np.float32))
        found.distance_N[own] = _distances(own_nD)
        found.is_far_N[own] = _is_far(found.distance_N[own])
        if len(own) < LEAST:
            continue
        random = torch.Generator().manual_seed(label)
        found.separation_C[label] = _separation(own_nD[:: -(-len(own) // AT_MOST)], random)
        if found.separation_C[label] <= SIGNIFICANT:
            second_n = _two_means(own_nD[None], random)[0].numpy()
            found.is_other_N[own] = second_n if second_n.sum() * 2 <= len(own) else ~second_n
    return found


def _distances(own_nD: Tensor) -> Floats:
    """[n] one minus the mean cosine with the 10 nearest others of the class."""
    near = min(10, len(own_nD) - 1)
    parts = []
    for start in range(0, len(own_nD), 2048):
        cosines = own_nD[start : start + 2048] @ own_nD.T
        rows = torch.arange(len(cosines))
        cosines[rows, rows + start] = -torch.inf
        parts.append(1 - cosines.topk(near, dim=1).values.mean(1))
    return torch.cat(parts).double().numpy()


def _is_far(distance_n: Floats) -> npt.NDArray[np.bool_]:
    """More than four robust standard deviations above the class's median."""
    middle = np.median(distance_n)
    spread = 1.4826 * np.median(np.abs(distance_n - middle))
    return np.asarray((len(distance_n) >= LEAST) & (distance_n > middle + _FAR * spread + 1e-9))


def _separation(own_nD: Tensor, random: torch.Generator) -> float:
    centred_nD = own_nD - own_nD.mean(0)
    axes = torch.linalg.svd(centred_nD, full_matrices=False)
    kept = min(DIMENSIONS, len(axes.S))
    spread = axes.S[:kept] / len(own_nD) ** 0.5
    shape = SIMULATIONS, len(own_nD), kept
    simulated = torch.randn(shape, generator=random) * spread
    actual = (axes.U[:, :kept] * axes.S[:kept])[None]
    indices = [_cluster_index(one, random) for one in (actual, simulated)]
    deviation = indices[1].std().clamp(min=1e-6)
    return float((indices[0][0] - indices[1].mean()) / deviation)


def _cluster_index(points_SnD: Tensor, random: torch.Generator) -> Tensor:
    """[S] squared distances within the best two groups as a share of those from the mean."""
    best = torch.full((len(points_SnD),), torch.inf)
    total = (points_SnD - points_SnD.mean(1, keepdim=True)).square().sum((1, 2))
    for _ in range(_STARTS):
        centres_S2D = _starts(points_SnD, random)
        for _ in range(_ROUNDS):
            nearest_Sn = torch.cdist(points_SnD, centres_S2D).argmin(2)
            centres_S2D = _means(points_SnD, nearest_Sn, centres_S2D)
        within = torch.cdist(points_SnD, centres_S2D).amin(2).square().sum(1)
        best = torch.minimum(best, within / total.clamp(min=1e-12))
    return best


def _two_means(points_SnD: Tensor, random: torch.Generator) -> Tensor:
    """[S, n] which points are in the second of two groups on the unit sphere, the best of a few starts."""
    best, chosen = torch.full((len(points_SnD),), -torch.inf), torch.zeros(points_SnD.shape[:2]).bool()
    for _ in range(_STARTS):
        centres_S2D = normalize(_starts(points_SnD, random), dim=2)
        for _ in range(_ROUNDS):
            nearest_Sn = (points_SnD @ centres_S2D.mT).argmax(2)
            centres_S2D = normalize(_means(points_SnD, nearest_Sn, centres_S2D), dim=2)
        fit = (points_SnD @ centres_S2D.mT).amax(2).sum(1)
        chosen = torch.where((fit > best)[:, None], nearest_Sn.bool(), chosen)
        best = torch.maximum(best, fit)
    return chosen


def _starts(points_SnD: Tensor, random: torch.Generator) -> Tensor:
    """[S, 2, D] a point and one drawn by its squared distance from it (k-means++)."""
    rows = torch.arange(len(points_SnD))
    first_S1D = points_SnD[rows, torch.randint(points_SnD.shape[1], (len(rows),), generator=random)][:, None]
    chances_Sn = (points_SnD - first_S1D).square().sum(2) + 1e-12
    second_S = torch.multinomial(chances_Sn, 1, generator=random)[:, 0]
    return torch.cat([first_S1D, points_SnD[rows, second_S][:, None]], dim=1)


def _means(points_SnD: Tensor, nearest_Sn: Tensor, before_S2D: Tensor) -> Tensor:
    """[S, 2, D] of each group; an empty one stays where it was."""
    second_Sn1 = nearest_Sn[..., None].float()
    sums = [(points_SnD * weight).sum(1) for weight in (1 - second_Sn1, second_Sn1)]
    counts = [weight.sum(1) for weight in (1 - second_Sn1, second_Sn1)]
    means = [total / count.clamp(min=1) for total, count in zip(sums, counts, strict=True)]
    found_S2D = torch.stack(means, dim=1)
    return torch.where(torch.stack(counts, dim=1) > 0, found_S2D, before_S2D)
