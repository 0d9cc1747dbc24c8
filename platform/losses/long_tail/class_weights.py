"""Weights of classes that make up for their frequencies in the training set.

Shapes: B samples, C classes.
"""

import math

import torch
from torch import Tensor


def inverse_weights(class_counts_C: Tensor) -> Tensor:
    """[C] float32: w_c ∝ 1 / n_c, on average 1 over the classes that occur.

    A class without samples gets the weight of a class with one.
    """
    return _scaled(1 / class_counts_C.clamp(min=1).double(), class_counts_C)


def effective_number_weights(class_counts_C: Tensor, *, beta: float) -> Tensor:
    """[C] float32: w_c ∝ (1 - β) / (1 - β^n_c), on average 1 over the classes that occur.

    β in [0, 1): 0 weighs all classes alike, towards 1 it is :func:`inverse_weights`. Classes with many more
    than 1 / (1 - β) samples weigh the same. A class without samples gets the weight of a class with one.

    Cui et al., Class-Balanced Loss Based on Effective Number of Samples, CVPR 2019 (arXiv 1901.05555),
    equation 2. Differs from the authors' code, where a class without samples has an infinite weight.
    """
    if not 0 <= beta < 1:
        raise ValueError(f"beta must be in [0, 1), got {beta}")
    if beta == 0:
        return torch.ones_like(class_counts_C, dtype=torch.float32)
    counts_C = class_counts_C.clamp(min=1).double()
    return _scaled((1 - beta) / -torch.expm1(counts_C * math.log(beta)), class_counts_C)


def _scaled(weights_C: Tensor, class_counts_C: Tensor) -> Tensor:
    """``weights_C`` with a mean of 1 over the classes that occur."""
    occurs_C = class_counts_C > 0
    total = torch.where(occurs_C, weights_C, 0).sum()
    return (weights_C * occurs_C.sum() / total).float()


def weighted_targets(targets: Tensor, weights_C: Tensor) -> tuple[Tensor, Tensor]:
    """Each sample's weight [B], and its targets with each class's share multiplied by that class's weight.

    Labels [B] stay as they are; their weight is w_y. Of soft labels t [B, C], the weight is Σ_c t_c · w_c and
    the share t_c · w_c over that: each part of a mixed label counts as much as its own class does. The weight
    multiplies the whole loss of a sample, of which label smoothing is a part. (PyTorch's ``weight`` gives
    every class's term of a smoothed loss the weight of that class.)
    """
    if targets.dim() == 1:
        return weights_C[targets], targets
    shares_BC = targets * weights_C
    weights_B = shares_BC.sum(1)
    return weights_B, shares_BC / weights_B[:, None]
