"""One network that learns the images of small loss: Co-teaching without a peer, its honest control.

The schedule is that of Co-teaching (Han et al., NeurIPS 2018, arXiv 1804.06872). A method with two networks
has to be better than this to have gained by the second one.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from platform.datasets.batches.loader import Batch
from platform.losses.cross_entropy import cross_entropy
from platform.losses.peer_selection import mean_of_selected
from platform.losses.small_loss import smallest_losses
from platform.methods._outcome import accuracy, sample_outcome, weighted
from platform.methods._protocol import Learner, Progress, StepOutput, TrainingMethod
from platform.methods._small_loss import FORGET_RATE, RankedConfig


class Config(RankedConfig):
    networks: ClassVar[int] = 1


class Method(TrainingMethod):
    """The network learns the (1 - R(t)) · B images of the batch with its own smallest losses.

    The choice ignores the weights.
    """

    config: Config
    metrics: ClassVar[Mapping[str, str]] = {
        "loss": "mean of what is minimised",
        "forget_rate": FORGET_RATE,
        "accuracy": "share of the training images, as they were augmented, whose given label is predicted",
    }

    def step(self, networks: Sequence[Learner], batch: Batch, progress: Progress) -> StepOutput:
        assert batch.targets is None, "samples are ranked by their own label; mixed images have none"
        forget_rate = self.config.forget_rate_at(progress.epoch)
        logits_BC = networks[0](batch.images)
        ranks_B = self.config.ranking_losses(logits_BC, batch.labels, self.class_counts)
        chosen_B = smallest_losses(ranks_B, forget_rate=forget_rate)
        losses_B = cross_entropy(logits_BC, batch.labels)
        loss = mean_of_selected(weighted(losses_B, batch.weights), chosen_B)
        return StepOutput(
            losses=(loss,),
            samples=sample_outcome([logits_BC], batch.labels, [losses_B], [chosen_B]),
            metrics={
                "loss": loss.detach(),
                "forget_rate": loss.new_full((), forget_rate),
                "accuracy": accuracy(logits_BC, batch.labels),
            },
        )
