"""Supervised contrastive loss, and SimCLR's, its special case without labels.

Shapes: B samples, V augmented versions of each, D dimensions, A anchors, N = B · V features.
"""

from typing import Any, Literal

import torch
from torch import Tensor

Anchors = Literal["all", "one"]

UNLABELLED = -1
ANCHORS_AT_ONCE = 512
"""Rows of the similarities [A, N] held at a time: 8 MB instead of 67 for 2,048 x 2 features."""


def supcon(
    features_BVD: Tensor,
    labels_B: Tensor,
    *,
    temperature: float,
    base_temperature: float | None = None,
    anchors: Anchors = "all",
    weights_B: Tensor | None = None,
) -> Tensor:
    """Mean over anchors i of -T/T_base · mean_{p in P(i)} log(exp(z_i·z_p / T) / Σ_{a≠i} exp(z_i·z_a / T)).

    A scalar [] in nats. The features z are of unit length; P(i) are the other features of the anchor's class.
    ``anchors``: all versions of a sample, or the first one only; each is contrasted with all versions of all
    samples. A sample labelled -1 is unlabelled: its only positives are its own other versions. Anchors
    without a positive do not count; if no anchor has one, the loss is 0 with a gradient of 0.
    ``base_temperature`` is T_base; by default T, which leaves the factor out. ``weights_B`` multiply the
    terms of a sample's anchors in the mean; as positives and negatives of others all samples count alike.

    Khosla et al., Supervised Contrastive Learning, NeurIPS 2020 (arXiv 2004.11362), L_out of equation 2;
    differs from the authors' code if an anchor has no positive (they divide by zero).
    """
    if temperature <= 0:
        raise ValueError(f"temperature must be > 0, got {temperature}")
    samples, versions = features_BVD.shape[:2]
    class_B = _places(_separate_unlabelled(labels_B))
    features_ND = features_BVD.transpose(0, 1).reshape(
        samples * versions, -1
    )  # all first versions, then all second ones
    class_N = class_B.repeat(versions)
    count = samples if anchors == "one" else samples * versions
    anchors_AD, class_A = features_ND[:count], class_N[:count]

    sums_BD = features_ND.new_zeros(samples, features_ND.shape[1]).index_add(0, class_N, features_ND)
    counts_B = torch.zeros_like(class_B).index_add(0, class_N, torch.ones_like(class_N))
    positives_A = counts_B[class_A] - 1
    # Σ_p z_i·z_p without a matrix of pairs: the sum of the class's features minus the anchor itself
    of_positives_A = (anchors_AD * (sums_BD[class_A] - anchors_AD)).sum(1) / temperature
    if len(features_ND) == 1:
        return of_positives_A.sum() * 0
    log_sums_A = _LogSums.apply(features_ND, count, temperature)
    log_p_A = of_positives_A / positives_A.clamp(min=1) - log_sums_A
    counts_A = positives_A > 0
    if weights_B is not None:
        log_p_A = log_p_A * weights_B.repeat(versions)[:count]
    mean = torch.where(counts_A, log_p_A, 0).sum() / counts_A.sum().clamp(min=1)
    return -mean * (1 if base_temperature is None else temperature / base_temperature)


def simclr(
    features_BVD: Tensor,
    *,
    temperature: float,
    base_temperature: float | None = None,
    anchors: Anchors = "all",
    weights_B: Tensor | None = None,
) -> Tensor:
    """:func:`supcon` without labels: the positives are the other versions of an image.

    Chen et al., A Simple Framework for Contrastive Learning of Visual Representations, ICML 2020
    (arXiv 2002.05709), NT-Xent.
    """
    unlabelled_B = torch.full(features_BVD.shape[:1], UNLABELLED, device=features_BVD.device)
    return supcon(
        features_BVD,
        unlabelled_B,
        temperature=temperature,
        base_temperature=base_temperature,
        anchors=anchors,
        weights_B=weights_B,
    )


def _separate_unlabelled(labels_B: Tensor) -> Tensor:
    """Labels [B] in which each unlabelled sample has a class to itself."""
    alone_B = labels_B.max().clamp(min=-1) + 1 + torch.arange(len(labels_B), device=labels_B.device)
    return torch.where(labels_B == UNLABELLED, alone_B, labels_B)


def _places(class_B: Tensor) -> Tensor:
    """The classes [B] of a batch numbered from 0, so that there are B at most, whatever they were called.

    How many there are stays unknown to the host, which would have to wait for a GPU to learn it.
    """
    order_B = class_B.argsort()
    in_order_B = class_B[order_B]
    places_B = torch.zeros_like(class_B)
    places_B[1:] = (in_order_B[1:] != in_order_B[:-1]).cumsum(0)
    return torch.empty_like(class_B).scatter(0, order_B, places_B)


class _LogSums(torch.autograd.Function):
    """[A] log Σ_{a≠i} exp(z_i·z_a / T) of anchors [A, D], the first A of the features [N, D]; N > 1.

    Similarities are held for a few anchors at a time and recomputed in backward.
    """

    @staticmethod
    def forward(ctx: Any, features_ND: Tensor, anchors: int, temperature: float) -> Tensor:
        parts = [_similarities(features_ND, rows, temperature).logsumexp(1) for rows in _some_rows(anchors)]
        log_sums_A = torch.cat(parts)
        ctx.save_for_backward(features_ND, log_sums_A)
        ctx.temperature = temperature
        return log_sums_A

    @staticmethod
    def backward(ctx: Any, gradient_A: Tensor) -> tuple[Tensor, None, None]:
        features_ND, log_sums_A = ctx.saved_tensors
        sum_ND = torch.zeros_like(features_ND)
        for rows in _some_rows(len(log_sums_A)):
            similar_AN = _similarities(features_ND, rows, ctx.temperature)
            weights_AN = similar_AN.sub_(log_sums_A[rows, None]).exp_()
            weights_AN.mul_(gradient_A[rows, None] / ctx.temperature)
            sum_ND[rows] += weights_AN @ features_ND
            sum_ND += weights_AN.T @ features_ND[rows]
        return sum_ND, None, None


def _some_rows(anchors: int) -> list[slice]:
    return [
        slice(start, min(start + ANCHORS_AT_ONCE, anchors)) for start in range(0, anchors, ANCHORS_AT_ONCE)
    ]


def _similarities(features_ND: Tensor, rows: slice, temperature: float) -> Tensor:
    """Similarities [A, N] of these rows with all; -inf with themselves."""
    similar_AN = (features_ND[rows] / temperature) @ features_ND.T
    similar_AN[:, rows].fill_diagonal_(-torch.inf)
    return similar_AN
