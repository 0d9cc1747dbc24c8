"""What Co-teaching, its control and JoCoR share: how many images are forgotten, and when."""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field
from torch import Tensor

from platform.losses.cross_entropy import cross_entropy
from platform.losses.small_loss import forget_rate_at
from platform.methods._protocol import ConfigBase


class SmallLossConfig(ConfigBase):
    """The schedule of the forget rate."""

    takes_soft_labels: ClassVar[bool] = False
    """Samples are ranked by how well they fit their own label; a mixed image has none."""
    published: ClassVar[Mapping[str, Any]] = {"ramp_epochs": 10, "exponent": 1.0}

    forget_rate: float = Field(
        0.3,
        ge=0,
        lt=1,
        description="share of each batch that is not learnt, after the ramp: about the share of wrong labels",
        examples=[0.4, {"uniform": [0.1, 0.6]}],
    )
    ramp_epochs: int = Field(
        4,
        ge=0,
        description="epochs over which the forget rate rises from 0; the authors' 10 are of 200",
        examples=[10, {"int": [0, 10]}],
    )
    exponent: float = Field(
        1.0,
        gt=0,
        description="the rate rises as (epoch / ramp_epochs) to this power: below 1 it rises fast at first",
        examples=[{"choice": [0.5, 1.0, 2.0]}],
    )

    def forget_rate_at(self, epoch: int) -> float:
        """R(t) of epoch t, from 0."""
        return forget_rate_at(
            epoch, forget_rate=self.forget_rate, ramp_epochs=self.ramp_epochs, exponent=self.exponent
        )


class RankedConfig(SmallLossConfig):
    """Besides, what ranks the samples."""

    rank_by: Literal["cross_entropy", "logit_adjusted"] = Field(
        "cross_entropy",
        description="the loss by which images are ranked. On a long tail, cross-entropy forgets the rare "
        "classes, because they are predicted too rarely; logit_adjusted first subtracts the log class counts "
        "from the logits. Cross-entropy is what is learnt either way",
    )

    def ranking_losses(self, logits_BC: Tensor, labels_B: Tensor, class_counts_C: Tensor) -> Tensor:
        """[B], without a gradient; for the adjustment see Menon et al., ICLR 2021 (arXiv 2007.07314)."""
        logits_BC = logits_BC.detach()
        if self.rank_by == "logit_adjusted":
            logits_BC = logits_BC - class_counts_C.clamp(min=1).log()
        return cross_entropy(logits_BC, labels_B)


FORGET_RATE = "share of the images that is not learnt now: forget_rate after the ramp"
"""What the metric of that name is."""
