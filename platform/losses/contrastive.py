"""Supervised contrastive loss and SimCLR's, its case without labels.

Shapes: B samples, V views of each, D dimensions, A anchors, N = B · V features.
"""

from typing import Any, Literal

import torch
from torch import Tensor

Anchors = Literal["all", "one"]

UNLABELLED = -1
ANCHORS_AT_ONCE = 512
"""Rows of the similarities [A, N] that are held at a time: at 2,048 x 2 features 8 MB instead of 67."""


def supcon(
    features_BVD: Tensor,
    labels_B: Tensor,
    *,
    temperature: float,
    base_temperature: float | None = None,
    anchors: Anchors = "all",
) -> Tensor:
    """Mean over anchors i of -T/T_base · mean_{p in P(i)} log(exp(z_i·z_p / T) / Σ_{a≠i} exp(z_i·z_a / T)).

    A scalar [] in nats. The features z are of unit length; P(i) are the other features of the anchor's class.
    ``anchors``: every view, or each sample's first one alone; they are contrasted with all views. A label of
    -1 is none: such a sample's only positives are its own other views. Anchors without a positive do not
    count; where no anchor has one, the loss is 0 with a gradient of 0. ``base_temperature`` is T_base, by
    default T, which leaves the factor out.

    Khosla et al., Supervised Contrastive Learning, NeurIPS 2020 (arXiv 2004.11362), L_out of equation 2;
    differs from the authors' code where an anchor has no positive (a division by zero there).
    """
    if temperature <= 0:
        raise ValueError(f"temperature must be > 0, got {temperature}")
    samples, views = features_BVD.shape[:2]
    class_B = _classes_of_their_own(labels_B)
    features_ND = features_BVD.transpose(0, 1).reshape(samples * views, -1)  # view by view
    class_N = class_B.repeat(views)
    count = samples if anchors == "one" else samples * views
    anchors_AD, class_A = features_ND[:count], class_N[:count]

    sums_KD = features_ND.new_zeros(int(class_B.max()) + 1, features_ND.shape[1])
    sums_KD = sums_KD.index_add(0, class_N, features_ND)
    positives_A = class_N.bincount()[class_A] - 1
    # Σ_p z_i·z_p without a matrix of pairs: by the sum of the class's features, the anchor itself left out
    of_positives_A = (anchors_AD * (sums_KD[class_A] - anchors_AD)).sum(1) / temperature
    if len(features_ND) == 1:
        return of_positives_A.sum() * 0
    log_sums_A = _LogSums.apply(features_ND, count, temperature)
    log_p_A = of_positives_A / positives_A.clamp(min=1) - log_sums_A
    counts_A = positives_A > 0
    mean = torch.where(counts_A, log_p_A, 0).sum() / counts_A.sum().clamp(min=1)
    return -mean * (1 if base_temperature is None else temperature / base_temperature)


def simclr(
    features_BVD: Tensor,
    *,
    temperature: float,
    base_temperature: float | None = None,
    anchors: Anchors = "all",
) -> Tensor:
    """:func:`supcon` where no sample has a label: a view's positives are the same picture's other views.

    Chen et al., A Simple Framework for Contrastive Learning of Visual Representations, ICML 2020
    (arXiv 2002.05709), NT-Xent.
    """
    nobody_B = torch.full(features_BVD.shape[:1], UNLABELLED, device=features_BVD.device)
    return supcon(
        features_BVD, nobody_B, temperature=temperature, base_temperature=base_temperature, anchors=anchors
    )


def _classes_of_their_own(labels_B: Tensor) -> Tensor:
    """Labels [B] in which each unlabelled sample is a class for itself."""
    alone_B = labels_B.max().clamp(min=-1) + 1 + torch.arange(len(labels_B), device=labels_B.device)
    return torch.where(labels_B == UNLABELLED, alone_B, labels_B)


class _LogSums(torch.autograd.Function):
    """[A] log Σ_{a≠i} exp(z_i·z_a / T) of anchors [A, D], the first A of the features [N, D]; N > 1.

    Similarities are held a few anchors at a time, and computed anew in backward rather than kept.
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
        found_ND = torch.zeros_like(features_ND)
        for rows in _some_rows(len(log_sums_A)):
            similar_AN = _similarities(features_ND, rows, ctx.temperature)
            weights_AN = similar_AN.sub_(log_sums_A[rows, None]).exp_()
            weights_AN.mul_(gradient_A[rows, None] / ctx.temperature)
            found_ND[rows] += weights_AN @ features_ND
            found_ND += weights_AN.T @ features_ND[rows]
        return found_ND, None, None


def _some_rows(anchors: int) -> list[slice]:
    return [
        slice(start, min(start + ANCHORS_AT_ONCE, anchors)) for start in range(0, anchors, ANCHORS_AT_ONCE)
    ]


def _similarities(features_ND: Tensor, rows: slice, temperature: float) -> Tensor:
    """[A, N] of these rows with all, without themselves."""
    similar_AN = (features_ND[rows] / temperature) @ features_ND.T
    similar_AN[:, rows].fill_diagonal_(-torch.inf)
    return similar_AN
