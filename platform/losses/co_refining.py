"""CORE's second phase: each network learns the other's predictions.

Shapes: B samples, C classes.
"""

import torch
from torch import Tensor

from platform.losses.cross_entropy import cross_entropy


def co_refining(logits_BC: Tensor, peer_logits_BC: Tensor, *, kl_weight: float) -> Tensor:
    """Per-sample loss [B] in nats: -log p_k - kl_weight · Σ_c q_c · log p_c with k = argmax_c q_c.

    p = softmax(logits), q = softmax(peer_logits); q gets no gradient. The sum is the Kullback-Leibler
    divergence of p from q up to the entropy of q, which has no gradient either.

    Ye et al., Collaborative Refining for Person Re-Identification with Label Noise, IEEE TIP 2021, CORE.
    """
    peer_logits_BC = peer_logits_BC.detach()
    hard_B = cross_entropy(logits_BC, peer_logits_BC.argmax(1))
    return hard_B + kl_weight * cross_entropy(logits_BC, peer_logits_BC.softmax(1))


def prior_divergence(logits_BC: Tensor, prior_C: Tensor) -> Tensor:
    """KL(prior || mean prediction) = Σ_c prior_c · log(prior_c / mean_B p_c), a scalar [] in nats.

    0 if the mean prediction equals the prior; unbounded as all samples are predicted as one class.
    ``prior_C`` sums to 1; classes with prior 0 are ignored.

    Tanaka et al., Joint Optimization Framework for Learning with Noisy Labels, CVPR 2018 (arXiv 1803.11364),
    equation 8.
    """
    log_mean_C = logits_BC.log_softmax(1).logsumexp(0) - logits_BC.new_full((), len(logits_BC)).log()
    prior_C = prior_C.to(logits_BC.dtype)
    return torch.where(prior_C > 0, prior_C * (prior_C.log() - log_mean_C), 0).sum()
