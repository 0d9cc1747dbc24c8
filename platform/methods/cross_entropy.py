"""The baseline: cross-entropy of the given labels, one network."""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from pydantic import Field
from torch import Tensor

from platform.datasets.batches.loader import Batch
from platform.losses.balanced_softmax import balanced_softmax
from platform.losses.cross_entropy import cross_entropy
from platform.methods._outcome import accuracy, sample_outcome, weighted
from platform.methods._protocol import ConfigBase, Learner, Progress, StepOutput, TrainingMethod


class Config(ConfigBase):
    networks: ClassVar[int] = 1
    takes_soft_labels: ClassVar[bool] = True

    loss: Literal["cross_entropy", "balanced_softmax"] = Field(
        "cross_entropy",
        description="the loss; balanced_softmax adds the log class counts to the logits, for long tails",
        examples=[{"choice": ["cross_entropy", "balanced_softmax"]}],
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the target that is spread over all classes",
        examples=[0.1, {"uniform": [0, 0.3]}],
    )


class Method(TrainingMethod):
    """Mean over the batch of weight · loss, one network.

    Mixed images are learnt with soft labels. ``accuracy`` still compares with the given label of the first
    image, and therefore underestimates the network.
    """

    config: Config
    metrics: ClassVar[Mapping[str, str]] = {
        "loss": "mean of what is minimised",
        "accuracy": "share of the training images, as they were augmented, whose given label is predicted",
    }

    def step(self, networks: Sequence[Learner], batch: Batch, progress: Progress) -> StepOutput:
        logits_BC = networks[0](batch.images)
        losses_B = self._losses(logits_BC, batch.labels if batch.targets is None else batch.targets)
        loss = weighted(losses_B, batch.weights).mean()
        given_B = cross_entropy(logits_BC.detach(), batch.labels)
        return StepOutput(
            losses=(loss,),
            samples=sample_outcome([logits_BC], batch.labels, [given_B]),
            metrics={"loss": loss.detach(), "accuracy": accuracy(logits_BC, batch.labels)},
        )

    def _losses(self, logits_BC: Tensor, targets: Tensor) -> Tensor:
        smoothing = self.config.label_smoothing
        if self.config.loss == "balanced_softmax":
            return balanced_softmax(logits_BC, targets, self.class_counts, label_smoothing=smoothing)
        return cross_entropy(logits_BC, targets, label_smoothing=smoothing)
