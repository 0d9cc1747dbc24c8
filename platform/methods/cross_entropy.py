"""The baseline: one network that believes every given label."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from platform.config.section import Section
from platform.datasets.batches.loader import Batch
from platform.losses.balanced_softmax import balanced_softmax
from platform.losses.cross_entropy import cross_entropy
from platform.methods._protocol import (
    Learner,
    Progress,
    StepOutput,
    TrainingMethod,
    accuracy,
    sample_outcome,
)


class Config(Section):
    networks: ClassVar[int] = 1
    takes_soft_labels: ClassVar[bool] = True

    loss: Literal["cross_entropy", "balanced_softmax"] = Field(
        "cross_entropy", description="balanced_softmax adds the log class counts to the logits (long tails)"
    )
    label_smoothing: float = Field(
        0.0, ge=0, lt=1, description="share of the target spread over the classes, 0 to 1"
    )


class Method(TrainingMethod):
    """Mean loss over the batch of one network.

    Of mixed pictures it learns the soft labels; ``accuracy`` still counts the given label of the picture that
    was mixed into, and so is below what the network could do.
    """

    config: Config

    def step(self, networks: Sequence[Learner], batch: Batch, progress: Progress) -> StepOutput:
        logits_BC = networks[0](batch.images)
        loss = self._losses(logits_BC, batch.labels if batch.targets is None else batch.targets).mean()
        given_B = cross_entropy(logits_BC.detach(), batch.labels)
        return StepOutput(
            losses=(loss,),
            samples=sample_outcome([logits_BC], [given_B]),
            metrics={"loss": loss.detach(), "accuracy": accuracy(logits_BC, batch.labels)},
        )

    def _losses(self, logits_BC: Tensor, targets: Tensor) -> Tensor:
        smoothing = self.config.label_smoothing
        if self.config.loss == "balanced_softmax":
            return balanced_softmax(logits_BC, targets, self.class_counts, label_smoothing=smoothing)
        return cross_entropy(logits_BC, targets, label_smoothing=smoothing)
