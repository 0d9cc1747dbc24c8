"""CORE (Ye et al., IEEE TIP 2021): two networks refine the labels, first each by itself, then by each other.

Collaborative Refining for Person Re-Identification with Label Noise. Beyond the paper: what holds the second
phase, which has no given label left in it, where the networks would otherwise agree on one class for all.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from platform.config.section import Section
from platform.datasets.batches.loader import Batch
from platform.losses.co_refining import co_refining, prior_divergence
from platform.losses.cross_entropy import cross_entropy
from platform.losses.peer_selection import mean_of_selected
from platform.losses.self_refining import WeightRule, refining_weight, self_refining
from platform.methods._protocol import (
    Learner,
    Progress,
    StepOutput,
    TrainingMethod,
    accuracy,
    mean_loss,
    sample_outcome,
)


class Config(Section):
    networks: ClassVar[int] = 2
    takes_soft_labels: ClassVar[bool] = False
    """Both phases replace the given label by one class."""

    self_refining_epochs: int = Field(
        4,
        ge=0,
        description="epochs in which each network refines the labels by itself, before they do it together",
    )
    self_weight: WeightRule = Field(
        "1/(1+L)",
        description="weight of its own prediction, by its mean loss L of the last epoch (0 in the first)",
    )
    kl_weight: float = Field(
        1.0, ge=0, description="of the divergence from the other network's probabilities"
    )
    selective: bool = Field(
        False, description="CORE+: of the second phase, learn only samples on which the networks agree"
    )
    given_share: float = Field(
        0.0, ge=0, le=1, description="share of the given label's cross-entropy kept in the second phase"
    )
    prior_weight: float = Field(
        0.0, ge=0, description="of the divergence of a batch's mean prediction from the classes' frequencies"
    )


class Method(TrainingMethod):
    """SELF, mean of -(1 - w) · log p_y - w · max log p, then CORE, of :mod:`platform.losses.co_refining`.

    In the second phase a network's loss is the mean over the samples that count of (1 - given_share) · CORE
    + given_share · cross-entropy of the given label, and prior_weight · KL(class frequencies || mean
    prediction) of the batch.
    """

    config: Config

    def __init__(self, config: Config, class_counts: Tensor, **context: Any) -> None:
        super().__init__(config, class_counts, **context)
        self.prior_C = class_counts / class_counts.sum()

    def step(self, networks: Sequence[Learner], batch: Batch, progress: Progress) -> StepOutput:
        assert batch.targets is None, "the label is refined as one class; mixed pictures have none"
        logits = [network(batch.images) for network in networks]
        given = [cross_entropy(logits_BC.detach(), batch.labels) for logits_BC in logits]
        agreed_B = logits[0].argmax(1) == logits[1].argmax(1)
        everything_B = torch.ones_like(agreed_B)
        if progress.epoch < self.config.self_refining_epochs:
            weights = [self._weight(progress, number) for number in (1, 2)]
            losses = [
                self_refining(logits_BC, batch.labels, weight=weight).mean()
                for logits_BC, weight in zip(logits, weights, strict=True)
            ]
            selected_B, targets = everything_B, [batch.labels] * 2
        else:
            selected_B = agreed_B if self.config.selective else everything_B
            peers = list(reversed(logits))
            losses = [
                self._co_refined(own, peer, batch.labels, selected_B)
                for own, peer in zip(logits, peers, strict=True)
            ]
            weights, targets = [1.0, 1.0], [peer.argmax(1) for peer in peers]
        return StepOutput(
            losses=tuple(losses),
            samples=sample_outcome(logits, given, [selected_B] * 2),
            metrics={
                "loss": mean_loss(losses),
                "loss_network_1": losses[0].detach(),
                "loss_network_2": losses[1].detach(),
                "agreement": agreed_B.float().mean(),
                "dropped": (~selected_B).float().mean(),
                "self_weight": losses[0].new_tensor(sum(weights) / 2),
                "refined": torch.stack([(each != batch.labels).float().mean() for each in targets]).mean(),
                "accuracy": accuracy(logits[0].softmax(1) + logits[1].softmax(1), batch.labels),
            },
        )

    def _weight(self, progress: Progress, number: int) -> float:
        """Of network ``number``'s own prediction; 0 in the trial's first epoch."""
        loss = progress.last.get(f"train/loss_network_{number}")
        return 0.0 if loss is None else refining_weight(loss, self.config.self_weight)

    def _co_refined(self, own_BC: Tensor, peer_BC: Tensor, labels_B: Tensor, selected_B: Tensor) -> Tensor:
        share = self.config.given_share
        losses_B = co_refining(own_BC, peer_BC, kl_weight=self.config.kl_weight)
        if share:
            losses_B = (1 - share) * losses_B + share * cross_entropy(own_BC, labels_B)
        loss = mean_of_selected(losses_B, selected_B)
        if self.config.prior_weight:
            loss = loss + self.config.prior_weight * prior_divergence(own_BC, self.prior_C.to(own_BC.device))
        return loss
