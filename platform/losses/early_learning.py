"""Early-learning regularisation: stay near what the network predicted before it memorised wrong labels.

Shapes: B samples, C classes.
"""

from torch import Tensor

LEAST_PROBABILITY = 1e-4
"""Probabilities are clipped to [this, 1 - this], so that the logarithm stays finite (above -8.52)."""


def running_targets(targets_BC: Tensor, logits_BC: Tensor, *, beta: float) -> Tensor:
    """The samples' next targets [B, C]: β · t + (1 - β) · p / Σ p, without a gradient.

    p is the softmax of the logits, clipped to [1e-4, 1 - 1e-4]. From targets 0 on, a row sums to
    1 - β^k after k updates: the regularisation is weak at first.

    Liu et al., Early-Learning Regularization Prevents Memorization of Noisy Labels, NeurIPS 2020
    (arXiv 2007.00151), equation 9.
    """
    clipped_BC = _probabilities(logits_BC.detach())
    return beta * targets_BC + (1 - beta) * clipped_BC / clipped_BC.sum(1, keepdim=True)


def early_learning(logits_BC: Tensor, targets_BC: Tensor) -> Tensor:
    """Per-sample loss [B]: log(1 - ⟨t, p⟩), at most 0; the smaller, the nearer p is to the targets t.

    t gets no gradient; p is clipped as in :func:`running_targets` but not normalised again, as in the
    authors' code. Equation 6 of Liu et al., NeurIPS 2020.
    """
    return (1 - (targets_BC.detach() * _probabilities(logits_BC)).sum(1)).log()


def _probabilities(logits_BC: Tensor) -> Tensor:
    return logits_BC.softmax(1).clamp(LEAST_PROBABILITY, 1 - LEAST_PROBABILITY)
