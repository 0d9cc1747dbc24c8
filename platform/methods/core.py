"""CORE (Ye et al., IEEE TIP 2021): two networks refine the labels, first each alone, then each other's.

Collaborative Refining for Person Re-Identification with Label Noise. Beyond the paper: ``given_share`` and
``prior_weight`` stabilise the second phase. It uses no given label, so the networks could otherwise agree on
one class for all samples.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from platform.datasets.batches.loader import Batch
from platform.losses.co_refining import co_refining, prior_divergence
from platform.losses.cross_entropy import cross_entropy
from platform.losses.peer_selection import mean_of_selected
from platform.losses.self_refining import WeightRule, refining_weight, self_refining
from platform.methods._outcome import accuracy, mean_loss, sample_outcome, weighted
from platform.methods._protocol import ConfigBase, Learner, Progress, StepOutput, TrainingMethod


class Config(ConfigBase):
    networks: ClassVar[int] = 2
    takes_soft_labels: ClassVar[bool] = False
    """Both phases replace the given label by one class."""

    self_refining_epochs: int = Field(
        4,
        ge=0,
        description="first epochs, in which each network refines the labels by itself; then each by the "
        "other's prediction",
        examples=[4, {"int": [2, 8]}],
    )
    self_weight: WeightRule = Field(
        "1/(1+L)",
        description="weight of a network's own prediction against the given label, from its mean loss L in "
        "the last epoch; 0 in the first epoch",
    )
    kl_weight: float = Field(
        1.0,
        ge=0,
        description="weight of the divergence from the other network's probabilities",
        examples=[1.0, {"loguniform": [0.1, 10]}],
    )
    selective: bool = Field(
        False, description="CORE+: in the second phase, learn only images on which the networks agree"
    )
    given_share: float = Field(
        0.0,
        ge=0,
        le=1,
        description="share that the given label keeps in the loss of the second phase; 0: none, the "
        "networks may then collapse into one class",
        examples=[0.2, {"uniform": [0, 0.5]}],
    )
    prior_weight: float = Field(
        0.0,
        ge=0,
        description="weight of the divergence of the mean prediction from the class frequencies; above 0 it "
        "keeps the networks from predicting one class",
        examples=[0.5],
    )


class Method(TrainingMethod):
    """SELF, mean of -(1 - w) · log p_y - w · max log p, then CORE, of :mod:`platform.losses.co_refining`.

    In the second phase a network's loss is the mean over the selected samples of (1 - given_share) · CORE +
    given_share · cross-entropy of the given label, plus prior_weight · KL(class frequencies || mean
    prediction) of the batch. Both means are of a sample's loss times its weight; the KL term, which belongs
    to no sample, has none.
    """

    config: Config
    metrics: ClassVar[Mapping[str, str]] = {
        "loss": "mean of what is minimised, over both networks",
        "loss_network_1": "mean of what the first network minimises",
        "loss_network_2": "mean of what the second network minimises",
        "agreement": "share of the images on which both networks predict the same class",
        "dropped": "share of the images that were not learnt",
        "self_weight": "weight of the networks' own predictions, mean of both",
        "refined": "share of the images whose refined label is not the given one",
        "accuracy": "share of the training images, as they were augmented, whose given label both networks "
        "together predict",
    }

    def __init__(self, config: Config, class_counts: Tensor, **context: Any) -> None:
        super().__init__(config, class_counts, **context)
        self.prior_C = class_counts / class_counts.sum()

    def step(self, networks: Sequence[Learner], batch: Batch, progress: Progress) -> StepOutput:
        assert batch.targets is None, "the label is refined as one class; mixed images have none"
        logits = [network(batch.images) for network in networks]
        given = [cross_entropy(logits_BC.detach(), batch.labels) for logits_BC in logits]
        agreed_B = logits[0].argmax(1) == logits[1].argmax(1)
        everything_B = torch.ones_like(agreed_B)
        if progress.epoch < self.config.self_refining_epochs:
            weights = [self._weight(progress, number) for number in (1, 2)]
            losses = [
                weighted(self_refining(logits_BC, batch.labels, weight=weight), batch.weights).mean()
                for logits_BC, weight in zip(logits, weights, strict=True)
            ]
            selected_B, targets = everything_B, [batch.labels] * 2
        else:
            selected_B = agreed_B if self.config.selective else everything_B
            peers = list(reversed(logits))
            losses = [
                self._co_refined(own, peer, batch, selected_B)
                for own, peer in zip(logits, peers, strict=True)
            ]
            weights, targets = [1.0, 1.0], [peer.argmax(1) for peer in peers]
        return StepOutput(
            losses=tuple(losses),
            samples=sample_outcome(logits, batch.labels, given, [selected_B] * 2),
            metrics={
                "loss": mean_loss(losses),
                "loss_network_1": losses[0].detach(),
                "loss_network_2": losses[1].detach(),
                "agreement": agreed_B.float().mean(),
                "dropped": (~selected_B).float().mean(),
                "self_weight": losses[0].new_full((), sum(weights) / 2),
                "refined": torch.stack([(each != batch.labels).float().mean() for each in targets]).mean(),
                "accuracy": accuracy(logits[0].softmax(1) + logits[1].softmax(1), batch.labels),
            },
        )

    def _weight(self, progress: Progress, number: int) -> float:
        """The weight of network ``number``'s own prediction; 0 in the trial's first epoch."""
        loss = progress.last.get(f"train/loss_network_{number}")
        return 0.0 if loss is None else refining_weight(loss, self.config.self_weight)

    def _co_refined(self, own_BC: Tensor, peer_BC: Tensor, batch: Batch, selected_B: Tensor) -> Tensor:
        share = self.config.given_share
        losses_B = co_refining(own_BC, peer_BC, kl_weight=self.config.kl_weight)
        if share:
            losses_B = (1 - share) * losses_B + share * cross_entropy(own_BC, batch.labels)
        loss = mean_of_selected(weighted(losses_B, batch.weights), selected_B)
        if self.config.prior_weight:
            loss = loss + self.config.prior_weight * prior_divergence(own_BC, self.prior_C.to(own_BC.device))
        return loss
