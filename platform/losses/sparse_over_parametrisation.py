"""Sparse over-parametrisation: a label is the network's prediction plus a learnt, sparse error of the label.

Shapes: B samples, C classes.
"""

import torch
from torch import Tensor

LEAST_PROBABILITY = 1e-4
"""Corrected probabilities below count as this much and get no gradient."""


def over_parametrised(logits_BC: Tensor, labels_B: Tensor, u_B1: Tensor, v_BC: Tensor) -> Tensor:
    """Per-sample loss [B]: -log q_y + ‖k + U - V - y‖².

    U = min(u², 1) at the label and V = min(v², 1) elsewhere. q is softmax(logits) + U - V, at least 1e-4,
    scaled to sum 1; k the one-hot arg-max of the logits, y the one-hot given label. U - V is what the label
    adds to the truth: a wrong label is explained by it instead of being learnt. The first term has no
    gradient through V, the second none through the logits: v learns from the second only, u from both.

    u and v must be float32: they begin near 1e-8, whose square is 0 in half precision, and exactly 0 is a
    fixed point. Liu et al., Robust Training under Label Noise by Over-parameterization, ICML 2022
    (arXiv 2202.14026), as the authors' code is since its rewriting.
    """
    labels_BC = _one_hot(labels_B, logits_BC)
    added_BC, taken_BC = _errors(labels_BC, u_B1, v_BC)
    fitted_B = -(labels_BC * _corrected(logits_BC, added_BC, taken_BC).log()).sum(1)
    predicted_BC = _one_hot(logits_BC.detach().argmax(1), logits_BC)
    explained_B = (predicted_BC + added_BC - taken_BC - labels_BC).square().sum(1)
    return fitted_B + explained_B


def balance(logits_BC: Tensor, labels_B: Tensor, u_B1: Tensor, v_BC: Tensor, prior_C: Tensor) -> Tensor:
    """KL(prior || mean of q over the batch), a scalar [] in nats; q as in :func:`over_parametrised`.

    ``prior_C`` sums to 1; classes with prior 0 are ignored. Up to the prior's entropy it is SOP+'s class
    balance where the prior is uniform, as the authors have it.
    """
    labels_BC = _one_hot(labels_B, logits_BC)
    mean_C = _corrected(logits_BC, *_errors(labels_BC, u_B1, v_BC)).mean(0)
    prior_C = prior_C.to(logits_BC.dtype)
    return torch.where(prior_C > 0, prior_C * (prior_C.log() - mean_C.log()), 0).sum()


def _one_hot(classes_B: Tensor, logits_BC: Tensor) -> Tensor:
    return torch.zeros_like(logits_BC).scatter(1, classes_B[:, None], 1.0)


def _errors(labels_BC: Tensor, u_B1: Tensor, v_BC: Tensor) -> tuple[Tensor, Tensor]:
    return (u_B1.square() * labels_BC).clamp(0, 1), (v_BC.square() * (1 - labels_BC)).clamp(0, 1)


def _corrected(logits_BC: Tensor, added_BC: Tensor, taken_BC: Tensor) -> Tensor:
    corrected_BC = (logits_BC.softmax(1) + added_BC - taken_BC.detach()).clamp(min=LEAST_PROBABILITY)
    return (corrected_BC / corrected_BC.sum(1, keepdim=True)).clamp(LEAST_PROBABILITY, 1)
