"""Co-teaching (Han et al., NeurIPS 2018): two networks, each learning the images of small loss of its peer.

Robust Training of Deep Neural Networks with Extremely Noisy Labels, arXiv 1804.06872. The method
``small_loss`` is the same with one network: compare with it.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from platform.datasets.batches.loader import Batch
from platform.losses.cross_entropy import cross_entropy
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
from platform.methods._small_loss import FORGET_RATE, RankedConfig


class Config(RankedConfig):
    networks: ClassVar[int] = 2


class Method(TrainingMethod):
    """Each network learns the (1 - R(t)) · B images of the batch with the smallest losses of its peer.

    The choice ignores the weights.

    The authors divide the mean of those losses by their number once more, which Adam does not notice and SGD
    does: their learning rates for SGD do not carry over.
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
        ranks = [self.config.ranking_losses(one, batch.labels, self.class_counts) for one in logits]
        chosen = [smallest_losses(peers_B, forget_rate=forget_rate) for peers_B in reversed(ranks)]
        updates = [cross_entropy(logits_BC, batch.labels) for logits_BC in logits]
        losses = tuple(
            mean_of_selected(weighted(each_B, batch.weights), by_B)
            for each_B, by_B in zip(updates, chosen, strict=True)
        )
        return StepOutput(
            losses=losses,
            samples=sample_outcome(logits, batch.labels, updates, chosen),
            metrics={
                "loss": mean_loss(losses),
                "forget_rate": losses[0].new_full((), forget_rate),
                "agreement": (logits[0].argmax(1) == logits[1].argmax(1)).float().mean(),
                **pair_accuracies(logits, batch.labels),
            },
        )
