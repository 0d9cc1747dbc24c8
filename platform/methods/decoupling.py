"""Decoupling (Malach & Shalev-Shwartz, NeurIPS 2017): two networks that learn where they disagree.

Decoupling "when to update" from "how to update", arXiv 1706.02613.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field
from torch import Tensor

from platform.datasets.batches.loader import Batch
from platform.losses.cross_entropy import cross_entropy
from platform.methods._outcome import (
    PAIR_ACCURACIES,
    mean_loss,
    pair_accuracies,
    sample_outcome,
    weighted,
)
from platform.methods._protocol import ConfigBase, Learner, Progress, StepOutput, TrainingMethod

LEAST_SHARE = 0.1
"""The sum over few disagreed images is divided by at least this share of the batch, as the authors do."""


class Config(ConfigBase):
    networks: ClassVar[int] = 2
    takes_soft_labels: ClassVar[bool] = False
    """Whether networks disagree about a mixed image says nothing of a label."""
    published: ClassVar[Mapping[str, Any]] = {}

    warmup_epochs: int = Field(
        2,
        ge=0,
        description="epochs first in which both networks learn every image",
        examples=[2, {"int": [0, 10]}],
    )


class Method(TrainingMethod):
    """Each network's loss is Σ cross-entropy over the images on which the predictions differ, divided by
    max(their number, a tenth of the batch); 0 where they do not differ.

    As the networks come to agree they learn less and less: look at ``train/learnt``.
    """

    config: Config
    metrics: ClassVar[Mapping[str, str]] = {
        "loss": "mean of what is minimised, over both networks",
        "learnt": "share of the images that were learnt: those on which the networks disagree",
        **PAIR_ACCURACIES,
    }

    def step(self, networks: Sequence[Learner], batch: Batch, progress: Progress) -> StepOutput:
        assert batch.targets is None, "mixed images have no label of their own"
        logits = [network(batch.images) for network in networks]
        learnt_B = logits[0].argmax(1) != logits[1].argmax(1)
        if progress.epoch < self.config.warmup_epochs:
            learnt_B = learnt_B.new_ones(learnt_B.shape)
        updates = [cross_entropy(logits_BC, batch.labels) for logits_BC in logits]
        losses = tuple(disagreed_mean(weighted(one_B, batch.weights), learnt_B) for one_B in updates)
        return StepOutput(
            losses=losses,
            samples=sample_outcome(logits, batch.labels, updates, [learnt_B, learnt_B]),
            metrics={
                "loss": mean_loss(losses),
                "learnt": learnt_B.float().mean(),
                **pair_accuracies(logits, batch.labels),
            },
        )


def disagreed_mean(losses_B: Tensor, learnt_B: Tensor) -> Tensor:
    """[]: Σ of the learnt losses / max(0.1 · B, their number)."""
    number = learnt_B.sum().clamp(min=LEAST_SHARE * len(losses_B))
    return losses_B.where(learnt_B, 0).sum() / number
