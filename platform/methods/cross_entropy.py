"""The baseline: cross-entropy of the given labels, or another loss of them, one network."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import Field

from platform.datasets.batches.loader import Batch
from platform.losses.cross_entropy import cross_entropy
from platform.methods._label_losses import CrossEntropy, LabelLossConfig
from platform.methods._outcome import accuracy, sample_outcome, weighted
from platform.methods._protocol import ConfigBase, Learner, Progress, StepOutput, TrainingMethod


class Config(ConfigBase):
    networks: ClassVar[int] = 1
    takes_soft_labels: ClassVar[bool] = True

    loss: LabelLossConfig = Field(
        CrossEntropy(),
        description="the loss of the given label; its name alone is its section with all defaults. For long "
        "tails: balanced_softmax, class_balanced, ldam; for wrong labels: sce, gce",
        examples=[
            {"choice": ["cross_entropy", "balanced_softmax"]},
            {"name": "focal", "weights": "effective_number", "deferred_from": 12},
        ],
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the target that is spread over all classes; of sce in its cross-entropy only",
        examples=[0.1, {"uniform": [0, 0.3]}],
    )

    @property
    def learns_soft_labels(self) -> bool:
        return self.loss.takes_soft_labels

    @property
    def needs_cosines(self) -> str | None:
        return "loss" if self.loss.needs_cosines else None


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
        losses_B = self.config.loss.losses(
            logits_BC,
            batch.labels if batch.targets is None else batch.targets,
            self.class_counts,
            epoch=progress.epoch,
            label_smoothing=self.config.label_smoothing,
            cosine_scale=self.cosine_scale,
        )
        loss = weighted(losses_B, batch.weights).mean()
        given_B = cross_entropy(logits_BC.detach(), batch.labels)
        return StepOutput(
            losses=(loss,),
            samples=sample_outcome([logits_BC], batch.labels, [given_B]),
            metrics={"loss": loss.detach(), "accuracy": accuracy(logits_BC, batch.labels)},
        )
