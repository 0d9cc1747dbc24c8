"""Generalised cross-entropy (Zhang & Sabuncu, NeurIPS 2018): between cross-entropy and mean absolute error.

Truncated, it leaves out the images whose label the network finds improbable. arXiv 1805.07836.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field
from torch import Tensor

from platform.datasets.batches.loader import Batch
from platform.losses.cross_entropy import cross_entropy
from platform.losses.generalised_cross_entropy import generalised_cross_entropy
from platform.methods._label_losses import GeneralisedSettings
from platform.methods._outcome import accuracy, sample_outcome, weighted
from platform.methods._protocol import ConfigBase, Learner, Progress, StepOutput, TrainingMethod


class Config(GeneralisedSettings, ConfigBase):
    networks: ClassVar[int] = 1
    takes_soft_labels: ClassVar[bool] = False
    """Whether an image is truncated depends on the probability of one label."""
    published: ClassVar[Mapping[str, Any]] = {"q": 0.7, "warmup_epochs": 0}

    warmup_epochs: int = Field(
        1,
        ge=0,
        description="epochs of plain cross-entropy first: with many classes a fresh network gives its label "
        "so little that this loss hardly learns. The authors used none",
        examples=[1, {"int": [0, 5]}],
    )
    truncate_below: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="leave out images whose label gets at most this probability (the truncated loss; the "
        "authors' k is 0.5); 0: none",
        examples=[0.5],
    )
    truncate_after_epochs: int = Field(
        0, ge=0, description="epochs, with those of the warm-up, before images are left out"
    )


class Method(TrainingMethod):
    """The mean over the batch of weight · (1 - p_y^q) / q, or the constant where it is truncated.

    The authors choose the truncated images anew every tenth epoch, with the network that was best so far;
    here each step chooses with the network as it is.
    """

    config: Config
    metrics: ClassVar[Mapping[str, str]] = {
        "loss": "mean of what is minimised",
        "truncated": "share of the images that were left out because their label is improbable",
        "accuracy": "share of the training images, as they were augmented, whose given label is predicted",
    }

    def step(self, networks: Sequence[Learner], batch: Batch, progress: Progress) -> StepOutput:
        assert batch.targets is None, "the loss is of one label; mixed images have none"
        logits_BC = networks[0](batch.images)
        given_B = cross_entropy(logits_BC.detach(), batch.labels)
        learnt_B = (-given_B).exp() > self._least_probability(progress.epoch)
        loss = weighted(self._losses(logits_BC, batch, progress.epoch), batch.weights).mean()
        return StepOutput(
            losses=(loss,),
            samples=sample_outcome([logits_BC], batch.labels, [given_B], [learnt_B]),
            metrics={
                "loss": loss.detach(),
                "truncated": (~learnt_B).float().mean(),
                "accuracy": accuracy(logits_BC, batch.labels),
            },
        )

    def _least_probability(self, epoch: int) -> float:
        """What a label's probability must exceed to be learnt; -1: everything is."""
        starts = max(self.config.warmup_epochs, self.config.truncate_after_epochs)
        return self.config.truncate_below if self.config.truncate_below and epoch >= starts else -1.0

    def _losses(self, logits_BC: Tensor, batch: Batch, epoch: int) -> Tensor:
        if epoch < self.config.warmup_epochs:
            return cross_entropy(logits_BC, batch.labels)
        least = max(self._least_probability(epoch), 0.0)
        return generalised_cross_entropy(logits_BC, batch.labels, q=self.config.q, truncate_below=least)
