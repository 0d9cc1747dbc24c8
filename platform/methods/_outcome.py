"""Parts of a :class:`StepOutput` that all methods compute alike, from their networks' logits and losses.

Shapes: M networks, B samples of a batch, C classes.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from platform.methods._protocol import SampleOutcome


def accuracy(scores_BC: Tensor, labels_B: Tensor) -> Tensor:
    """Share [] of the batch whose highest score is that of the given label."""
    return (scores_BC.detach().argmax(1) == labels_B).float().mean()


PAIR_ACCURACIES: Mapping[str, str] = {
    "accuracy": "share of the training images, as they were augmented, whose given label both networks "
    "together predict",
    "accuracy_network_1": "the same share for the first network alone",
    "accuracy_network_2": "the same share for the second network alone",
}
"""What the metrics of :func:`pair_accuracies` are."""


def pair_accuracies(logits: Sequence[Tensor], labels_B: Tensor) -> dict[str, Tensor]:
    """The accuracy [] of two networks' mean probabilities, and of each network."""
    first_BC, second_BC = (logits_BC.detach().softmax(1) for logits_BC in logits)
    return {
        "accuracy": accuracy(first_BC + second_BC, labels_B),
        "accuracy_network_1": accuracy(logits[0], labels_B),
        "accuracy_network_2": accuracy(logits[1], labels_B),
    }


def logit_margin(logits_BC: Tensor, labels_B: Tensor) -> Tensor:
    """[B] float32: z_y - max over c ≠ y of z_c, for logits z and given labels y; labels below 0 count as 0.

    Its mean over the epochs is the area under the margin (Pleiss et al., NeurIPS 2020, arXiv 2001.10528):
    low, or below 0, where the label is wrong.
    """
    own_B1 = labels_B.clamp(min=0)[:, None]
    logits_BC = logits_BC.detach().float()
    others_B = logits_BC.scatter(1, own_B1, -torch.inf).amax(1)
    return logits_BC.gather(1, own_B1).squeeze(1) - others_B


def weighted(losses_B: Tensor, weights_B: Tensor | None) -> Tensor:
    """w · l, each sample's loss times its weight; the losses themselves without weights."""
    return losses_B if weights_B is None else weights_B * losses_B


def sample_outcome(
    logits: Sequence[Tensor],
    labels_B: Tensor,
    losses: Sequence[Tensor],
    selected: Sequence[Tensor] | None = None,
) -> SampleOutcome:
    """The outcome of a step, from each network's logits [B, C], losses [B] and selected samples [B].

    ``labels_B`` are the given labels, ``losses`` their plain cross-entropy. Without ``selected``, all samples
    took part.
    """
    losses_MB = torch.stack([losses_B.detach() for losses_B in losses])
    predictions_MB = torch.stack([logits_BC.detach().argmax(1) for logits_BC in logits])
    everything_MB = torch.ones_like(predictions_MB, dtype=torch.bool)
    selected_MB = everything_MB if selected is None else torch.stack(list(selected))
    margins_MB = torch.stack([logit_margin(logits_BC, labels_B) for logits_BC in logits])
    return SampleOutcome(losses_MB, predictions_MB, margins_MB, selected_MB)


def mean_loss(losses: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(losses)).detach().mean()
