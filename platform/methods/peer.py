"""Peer-learning (Sun et al., ICCV 2021): two networks, each learning what the other finds easy.

Webly Supervised Fine-Grained Recognition: Benchmark Datasets and An Approach, arXiv 2108.02399. Beyond the
paper: Balanced Softmax on the agreed samples, ranking by a loss other than the learned one, label smoothing.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from platform.datasets.batches.loader import Batch
from platform.losses.balanced_softmax import balanced_softmax
from platform.losses.cross_entropy import cross_entropy
from platform.losses.peer_selection import mean_of_selected, peer_selection
from platform.methods._outcome import (
    PAIR_ACCURACIES,
    mean_loss,
    pair_accuracies,
    sample_outcome,
    weighted,
)
from platform.methods._protocol import ConfigBase, Learner, Progress, StepOutput, TrainingMethod


class Config(ConfigBase):
    networks: ClassVar[int] = 2
    takes_soft_labels: ClassVar[bool] = False
    """Samples are ranked by how well they fit their own label; a mixed image has none."""
    published: ClassVar[Mapping[str, Any]] = {"drop_rate": 0.35, "ramp_epochs": 10}
    """The authors' settings for WebFG-496 (Web496_train.sh of weblyFG-dataset)."""

    drop_rate: float = Field(
        0.3,
        ge=0,
        lt=1,
        description="share of the images on which both networks agree that is dropped, after the ramp; "
        "about the share of wrong labels",
        examples=[0.3, {"uniform": [0.1, 0.5]}],
    )
    ramp_epochs: int = Field(
        4,
        ge=0,
        description="epochs over which the drop rate rises linearly from 0",
        examples=[4, {"int": [0, 10]}],
    )
    agreed_loss: Literal["cross_entropy", "balanced_softmax"] = Field(
        "cross_entropy",
        description="loss of the images on which the networks agree (balanced_softmax is for long tails); "
        "of the others it is cross-entropy",
    )
    rank_by: Literal["loss", "cross_entropy"] = Field(
        "loss",
        description="what ranks the images on which the networks agree, of which those with the largest "
        "values are dropped: loss, the value of agreed_loss, or always cross_entropy (balanced_softmax "
        "would drop tail classes first)",
    )
    label_smoothing: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="share of the target that is spread over all classes; ranking ignores it",
        examples=[0.1, {"uniform": [0, 0.3]}],
    )

    def drop_rate_at(self, epoch: int) -> float:
        """d(t) = drop_rate · min(t / ramp_epochs, 1) in epoch t (from 0)."""
        if epoch >= self.ramp_epochs:
            return self.drop_rate
        return self.drop_rate * epoch / self.ramp_epochs


class Method(TrainingMethod):
    """Splits a batch into samples on which the networks agree and disagree.

    Each network learns all disagreed samples and, of the n agreed ones, the floor((1 - d) · n) with the
    smallest loss of its *peer*. Its loss is the mean over that union of weight · loss, 0 if it is empty. The
    choice ignores the weights: it asks which labels fit.
    """

    config: Config
    metrics: ClassVar[Mapping[str, str]] = {
        "loss": "mean of what is minimised, over both networks",
        "agreement": "share of the images on which both networks predict the same class",
        "drop_rate": "share of the agreed images that is dropped now: drop_rate after the ramp",
        "dropped": "share of all images that a network did not learn, mean of both",
        **PAIR_ACCURACIES,
    }

    def step(self, networks: Sequence[Learner], batch: Batch, progress: Progress) -> StepOutput:
        assert batch.targets is None, "samples are ranked by their own label; mixed images have none"
        drop_rate = self.config.drop_rate_at(progress.epoch)
        logits = [network(batch.images) for network in networks]
        agreed_B = logits[0].argmax(1) == logits[1].argmax(1)
        given = [cross_entropy(logits_BC.detach(), batch.labels) for logits_BC in logits]
        ranks = [
            self._ranking_losses(logits_BC.detach(), batch.labels, given_B)
            for logits_BC, given_B in zip(logits, given, strict=True)
        ]
        updates = [
            weighted(self._update_losses(logits_BC, batch.labels, agreed_B), batch.weights)
            for logits_BC in logits
        ]
        chosen = [peer_selection(agreed_B, peers_B, drop_rate=drop_rate) for peers_B in reversed(ranks)]
        losses = tuple(mean_of_selected(each_B, by_B) for each_B, by_B in zip(updates, chosen, strict=True))
        samples = sample_outcome(logits, batch.labels, given, chosen)
        return StepOutput(
            losses=losses,
            samples=samples,
            metrics={
                "loss": mean_loss(losses),
                "agreement": agreed_B.float().mean(),
                "drop_rate": losses[0].new_full((), drop_rate),
                "dropped": (~samples.selected_MB).float().mean(),
                **pair_accuracies(logits, batch.labels),
            },
        )

    def _ranking_losses(self, logits_BC: Tensor, labels_B: Tensor, given_B: Tensor) -> Tensor:
        """``given_B``: cross-entropy of the given labels."""
        if "cross_entropy" in (self.config.rank_by, self.config.agreed_loss):
            return given_B
        return balanced_softmax(logits_BC, labels_B, self.class_counts)

    def _update_losses(self, logits_BC: Tensor, labels_B: Tensor, agreed_B: Tensor) -> Tensor:
        smoothing, counts_C = self.config.label_smoothing, self.class_counts
        disagreed_losses_B = cross_entropy(logits_BC, labels_B, label_smoothing=smoothing)
        if self.config.agreed_loss == "cross_entropy":
            return disagreed_losses_B
        agreed_losses_B = balanced_softmax(logits_BC, labels_B, counts_C, label_smoothing=smoothing)
        return agreed_losses_B.where(agreed_B, disagreed_losses_B)
