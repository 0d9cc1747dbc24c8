"""How well an image fits the direction, and the mean, of the class that its label says.

N: images, D: dimensions, C: classes.
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from platform.datasets.arrays import Ints

Floats = npt.NDArray[np.floating]

BLOCK = 16_384


def fine_alignment(embeddings_ND: Floats, labels_N: Ints, classes: int) -> npt.NDArray[np.float64]:
    """[N] the squared cosine of each image with the first eigenvector of its class; low is suspect.

    FINE of Kim et al., FINE Samples for Learning with Noisy Labels, NeurIPS 2021: the eigenvector of
    Σ x xᵀ, not centred. Where most of a class is noise, the noise has the first eigenvector.
    """
    aligned_N = np.zeros(len(labels_N))
    for own in _rows_of(labels_N, classes):
        own_RD = _tensor(embeddings_ND[own])
        _, vectors_DD = torch.linalg.eigh(own_RD.T @ own_RD)
        aligned_N[own] = (own_RD @ vectors_DD[:, -1]).square().double().numpy()
    return aligned_N


def prototype_margin(embeddings_ND: Floats, labels_N: Ints, classes: int) -> npt.NDArray[np.float64]:
    """[N] the cosine with the mean of the label's class, without the image itself, minus the best other one.

    Low is suspect. A class of one image has no other to be compared with: its margin is 0.
    """
    sums_CD = torch.zeros(classes, embeddings_ND.shape[1], dtype=torch.float64)
    for start in range(0, len(labels_N), BLOCK):
        own_B = torch.from_numpy(labels_N[start : start + BLOCK])
        sums_CD.index_add_(0, own_B, _tensor(embeddings_ND[start : start + BLOCK]).double())
    sums_CD = sums_CD.float()
    means_CD = torch.nn.functional.normalize(sums_CD)
    sizes_C = torch.from_numpy(np.bincount(labels_N, minlength=classes))
    parts: list[Tensor] = []
    for start in range(0, len(labels_N), BLOCK):
        some_BD = _tensor(embeddings_ND[start : start + BLOCK])
        own_B = torch.from_numpy(labels_N[start : start + BLOCK])
        parts.append(_margin(some_BD, own_B, sums_CD, means_CD, sizes_C))
    return torch.cat(parts).double().numpy() if parts else np.zeros(0)


def _margin(some_BD: Tensor, own_B: Tensor, sums_CD: Tensor, means_CD: Tensor, sizes_C: Tensor) -> Tensor:
    cosines_BC = some_BD @ means_CD.T
    cosines_BC[:, sizes_C == 0] = -torch.inf
    without_BD = torch.nn.functional.normalize(sums_CD[own_B] - some_BD)
    own = (without_BD * some_BD).sum(1)
    others = cosines_BC.scatter(1, own_B[:, None], -torch.inf).amax(1)
    margin_B = own - others
    return torch.where((sizes_C[own_B] > 1) & margin_B.isfinite(), margin_B, 0.0)


def _rows_of(labels_N: Ints, classes: int) -> list[Ints]:
    """The rows of each class that has any."""
    order_N = np.argsort(labels_N, kind="stable")
    bounds = np.searchsorted(labels_N[order_N], np.arange(classes + 1))
    return [order_N[first:last] for first, last in pairwise(bounds) if last > first]


def _tensor(values: Floats) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32))
