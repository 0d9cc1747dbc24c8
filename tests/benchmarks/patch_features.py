"""Features of small images that need neither labels nor weights: a dictionary of patches, learnt by k-means.

Coates, Ng & Lee, An Analysis of Single-Layer Networks in Unsupervised Feature Learning, AISTATS 2011: patches
of 6 x 6 px, normalised and whitened; 'triangle' activations of the dictionary; sums over four quadrants. N:
images, S: side (px), P: patches, K: words of the dictionary, D = 4 K.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn.functional import unfold

PATCH, STRIDE = 6, 1
SAMPLED = 60_000
ROUNDS = 10
AT_ONCE = 64


def patch_features(pictures_NSS3: npt.NDArray[np.uint8], words: int, seed: int = 0) -> Tensor:
    """[N, 4 * words] of unit length, without their mean."""
    random = torch.Generator().manual_seed(seed)
    images = torch.from_numpy(pictures_NSS3).permute(0, 3, 1, 2)
    asked = torch.randint(len(images), (SAMPLED // 20,), generator=random)
    patches_PF = _patches(images[asked]).flatten(0, 1)
    chosen_PF = _normalised(patches_PF[torch.randperm(len(patches_PF), generator=random)[:SAMPLED]])
    mean_F, whiten_FF = _whitening(chosen_PF)
    centres_KF = _kmeans((chosen_PF - mean_F) @ whiten_FF, words, random)
    blocks = [images[start : start + AT_ONCE] for start in range(0, len(images), AT_ONCE)]
    features_ND = torch.cat([_pooled(block, mean_F, whiten_FF, centres_KF) for block in blocks])
    features_ND = (features_ND - features_ND.mean(0)) / (features_ND.std(0) + 1e-3)
    return torch.nn.functional.normalize(features_ND)


def _patches(images_B3SS: Tensor) -> Tensor:
    """[B, P, F]"""
    return unfold(images_B3SS.float(), PATCH, stride=STRIDE).transpose(1, 2)


def _normalised(patches: Tensor) -> Tensor:
    centred = patches - patches.mean(-1, keepdim=True)
    return centred / (centred.var(-1, keepdim=True) + 10).sqrt()


def _whitening(patches_PF: Tensor) -> tuple[Tensor, Tensor]:
    mean_F = patches_PF.mean(0)
    values_F, vectors_FF = torch.linalg.eigh(torch.cov((patches_PF - mean_F).T))
    return mean_F, vectors_FF / (values_F + 0.1).sqrt() @ vectors_FF.T


def _kmeans(patches_PF: Tensor, words: int, random: torch.Generator) -> Tensor:
    centres_KF = patches_PF[torch.randperm(len(patches_PF), generator=random)[:words]].clone()
    for _ in range(ROUNDS):
        nearest_P = torch.cdist(patches_PF, centres_KF).argmin(1)
        counts_K = nearest_P.bincount(minlength=words)
        sums_KF = torch.zeros_like(centres_KF).index_add_(0, nearest_P, patches_PF)
        centres_KF = torch.where(counts_K[:, None] > 0, sums_KF / counts_K.clamp(min=1)[:, None], centres_KF)
    return centres_KF


def _pooled(images_B3SS: Tensor, mean_F: Tensor, whiten_FF: Tensor, centres_KF: Tensor) -> Tensor:
    """[B, 4 K]: max(0, mean distance - distance) to each word, summed over each quadrant of the image."""
    whitened_BPF = (_normalised(_patches(images_B3SS)) - mean_F) @ whiten_FF
    distances_BPK = torch.cdist(whitened_BPF, centres_KF)
    active_BPK = (distances_BPK.mean(-1, keepdim=True) - distances_BPK).clamp(min=0)
    side = int(active_BPK.shape[1] ** 0.5)
    grid = active_BPK.view(len(images_B3SS), side, side, -1)
    half = side // 2
    halves = slice(0, half), slice(half, side)
    return torch.cat([grid[:, rows, columns].sum((1, 2)) for rows in halves for columns in halves], dim=1)
