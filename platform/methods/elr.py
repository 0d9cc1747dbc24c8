"""ELR (Liu et al., NeurIPS 2020): one network that stays near its own early predictions.

Early-Learning Regularization Prevents Memorization of Noisy Labels, arXiv 2007.00151.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field

from platform.datasets.batches.loader import Batch
from platform.losses.cross_entropy import cross_entropy
from platform.losses.early_learning import early_learning, running_targets
from platform.methods._outcome import accuracy, sample_outcome, weighted
from platform.methods._protocol import ConfigBase, Learner, Progress, StepOutput, TrainingMethod
from platform.methods._tables import TableSpec


class Config(ConfigBase):
    networks: ClassVar[int] = 1
    takes_soft_labels: ClassVar[bool] = False
    """The predictions of a mixed image say nothing of either image."""
    published: ClassVar[Mapping[str, Any]] = {"beta": 0.7, "regularisation_weight": 3.0}
    """For CIFAR-10 with symmetric noise; 0.9 and 7 for CIFAR-100, 0.9 and 1 for asymmetric noise."""

    beta: float = Field(
        0.7,
        ge=0,
        lt=1,
        description="how much an image's target keeps in each epoch of what it was; the rest is the present "
        "prediction",
        examples=[0.9, {"uniform": [0.5, 0.95]}],
    )
    regularisation_weight: float = Field(
        3.0,
        ge=0,
        description="weight of the regularisation, λ; the setting to search (published: 1 to 7)",
        examples=[3.0, {"loguniform": [0.5, 10.0]}],
    )
    table_precision: Literal["float32", "float16"] = Field(
        "float32",
        description="number format of the targets, of which there is one for each image and class; float16 "
        "takes half the memory",
    )


class Method(TrainingMethod):
    """The mean over the batch of weight · (cross-entropy + λ · log(1 - ⟨t, p⟩)).

    An image's targets t are updated before they are used in the same step. The loss falls far below 0, so it
    says little about progress.
    """

    config: Config
    metrics: ClassVar[Mapping[str, str]] = {
        "loss": "mean of what is minimised; negative where the regularisation outweighs cross-entropy",
        "regularisation": "mean of the regularisation, log(1 - ⟨targets, prediction⟩), before its weight",
        "target_agreement": "share of the training images whose target, the mean of earlier predictions, is "
        "highest for the given label",
        "accuracy": "share of the training images, as they were augmented, whose given label is predicted",
    }

    def tables(self) -> tuple[TableSpec, ...]:
        dtype = torch.float16 if self.config.table_precision == "float16" else torch.float32
        return (TableSpec("targets", len(self.class_counts), dtype=dtype),)

    def step(self, networks: Sequence[Learner], batch: Batch, progress: Progress) -> StepOutput:
        assert batch.targets is None, "targets belong to one image; mixed images are two"
        table = progress.tables["targets"]
        logits_BC = networks[0](batch.images)
        targets_BC = running_targets(table.read(batch.rows), logits_BC, beta=self.config.beta)
        table.write(batch.rows, targets_BC)
        given_B = cross_entropy(logits_BC, batch.labels)
        regularisation_B = early_learning(logits_BC, targets_BC)
        losses_B = given_B + self.config.regularisation_weight * regularisation_B
        loss = weighted(losses_B, batch.weights).mean()
        return StepOutput(
            losses=(loss,),
            samples=sample_outcome([logits_BC], batch.labels, [given_B]),
            metrics={
                "loss": loss.detach(),
                "regularisation": regularisation_B.detach().mean(),
                "target_agreement": accuracy(targets_BC, batch.labels),
                "accuracy": accuracy(logits_BC, batch.labels),
            },
        )
