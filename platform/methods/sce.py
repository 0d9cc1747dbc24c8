"""Symmetric cross-entropy (Wang et al., ICCV 2019): cross-entropy plus cross-entropy the other way round.

The reverse term is bounded, as the mean absolute error is, and forgives wrong labels. arXiv 1908.06112.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from platform.datasets.batches.loader import Batch
from platform.losses.cross_entropy import cross_entropy
from platform.losses.symmetric_cross_entropy import symmetric_cross_entropy
from platform.methods._label_losses import SymmetricSettings
from platform.methods._outcome import accuracy, sample_outcome, weighted
from platform.methods._protocol import ConfigBase, Learner, Progress, StepOutput, TrainingMethod


class Config(SymmetricSettings, ConfigBase):
    networks: ClassVar[int] = 1
    takes_soft_labels: ClassVar[bool] = True
    published: ClassVar[Mapping[str, Any]] = {"alpha": 0.1, "beta": 1.0}
    """The reproduction's for CIFAR-10; for CIFAR-100 it has alpha 6 and beta 1."""

    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the target that is spread over all classes, in cross-entropy only",
        examples=[0.1, {"uniform": [0, 0.3]}],
    )


class Method(TrainingMethod):
    """The mean over the batch of weight · (alpha · cross-entropy + beta · reverse cross-entropy)."""

    config: Config
    metrics: ClassVar[Mapping[str, str]] = {
        "loss": "mean of what is minimised",
        "accuracy": "share of the training images, as they were augmented, whose given label is predicted",
    }

    def step(self, networks: Sequence[Learner], batch: Batch, progress: Progress) -> StepOutput:
        logits_BC = networks[0](batch.images)
        config = self.config
        losses_B = symmetric_cross_entropy(
            logits_BC,
            batch.labels if batch.targets is None else batch.targets,
            alpha=config.alpha,
            beta=config.beta,
            log_zero=config.log_zero,
            label_smoothing=config.label_smoothing,
        )
        loss = weighted(losses_B, batch.weights).mean()
        given_B = cross_entropy(logits_BC.detach(), batch.labels)
        return StepOutput(
            losses=(loss,),
            samples=sample_outcome([logits_BC], batch.labels, [given_B]),
            metrics={"loss": loss.detach(), "accuracy": accuracy(logits_BC, batch.labels)},
        )
