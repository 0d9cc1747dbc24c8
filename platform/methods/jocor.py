"""JoCoR (Wei et al., CVPR 2020): two networks with one loss, which draws their predictions together.

Combating Noisy Labels by Agreement: A Joint Training Method with Co-Regularization, arXiv 2003.02752.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from platform.datasets.batches.loader import Batch
from platform.losses.cross_entropy import cross_entropy
from platform.losses.joint_agreement import joint_losses
from platform.losses.peer_selection import mean_of_selected
from platform.losses.small_loss import smallest_losses
from platform.methods._outcome import (
    PAIR_ACCURACIES,
    mean_loss,
    pair_accuracies,
    sample_outcome,
    weighted,
)
from platform.methods._protocol import Learner, Progress, StepOutput, TrainingMethod
from platform.methods._small_loss import FORGET_RATE, SmallLossConfig


class Config(SmallLossConfig):
    networks: ClassVar[int] = 2
    published: ClassVar[Mapping[str, Any]] = {"ramp_epochs": 10, "exponent": 1.0, "co_lambda": 0.9}

    co_lambda: float = Field(
        0.9,
        ge=0,
        lt=1,
        description="weight of the divergence between both networks, against their cross-entropy (the "
        "authors: 0.9 for CIFAR-10 with 20 to 50 % of wrong labels, 0.65 with 80 %, 0.85 for CIFAR-100)",
        examples=[0.9, {"uniform": [0.3, 0.95]}],
    )


class Method(TrainingMethod):
    """Both networks learn the (1 - R(t)) · B images with the smallest joint loss.

    The choice ignores the weights.
    """

    config: Config
    metrics: ClassVar[Mapping[str, str]] = {
        "loss": "mean of what is minimised, over both networks",
        "forget_rate": FORGET_RATE,
        "agreement": "share of the images on which both networks predict the same class",
        **PAIR_ACCURACIES,
    }

    def step(self, networks: Sequence[Learner], batch: Batch, progress: Progress) -> StepOutput:
        assert batch.targets is None, "samples are ranked by their own label; mixed images have none"
        forget_rate = self.config.forget_rate_at(progress.epoch)
        logits = [network(batch.images) for network in networks]
        parts = joint_losses(logits[0], logits[1], batch.labels, co_lambda=self.config.co_lambda)
        chosen_B = smallest_losses(parts[0] + parts[1], forget_rate=forget_rate)
        losses = tuple(mean_of_selected(weighted(part_B, batch.weights), chosen_B) for part_B in parts)
        given = [cross_entropy(logits_BC.detach(), batch.labels) for logits_BC in logits]
        return StepOutput(
            losses=losses,
            samples=sample_outcome(logits, batch.labels, given, [chosen_B, chosen_B]),
            metrics={
                "loss": mean_loss(losses),
                "forget_rate": losses[0].new_full((), forget_rate),
                "agreement": (logits[0].argmax(1) == logits[1].argmax(1)).float().mean(),
                **pair_accuracies(logits, batch.labels),
            },
        )
