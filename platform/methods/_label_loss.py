"""A loss of the given label as a section of the YAML, and the weights of its classes.

Shapes: B samples of a batch, C classes.
"""

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator
from torch import Tensor

from platform.config.section import Section, reject
from platform.losses.long_tail.class_weights import (
    effective_number_weights,
    inverse_weights,
    weighted_targets,
)

Weighting = Literal["none", "inverse", "effective_number"]


class LabelLoss(Section):
    """A loss of the given label, whose classes may have weights.

    ``takes_soft_labels``: whether it can learn the labels of mixed images. ``needs_cosines``: whether its
    margins are between cosines, which the network must then give (``model.cosine_scale``).
    """

    takes_soft_labels: ClassVar[bool] = True
    needs_cosines: ClassVar[bool] = False

    name: str
    weights: Weighting = Field(
        "none",
        description="weights of the classes, on average 1: inverse is 1/n of a class with n training images; "
        "effective_number is (1 - b) / (1 - b^n) with b = effective_beta, which rises more slowly; none: all "
        "the same",
        examples=["effective_number", {"choice": ["none", "inverse", "effective_number"]}],
    )
    effective_beta: float = Field(
        0.9999,
        ge=0,
        lt=1,
        description="b of effective_number: classes with many more than 1 / (1 - b) images weigh the same "
        "(published: 0.9 to 0.9999)",
        examples=[0.999],
    )
    weight_mean: Literal["batch", "classes"] = Field(
        "batch",
        description="over what the weights have a mean of 1: the images of each batch (as in PyTorch), so "
        "that the size of a step stays the same; or the classes (as Cui et al.), so that a batch of frequent "
        "classes makes a small step",
    )
    deferred_from: int = Field(
        0,
        ge=0,
        description="epoch, from 0 and counted through the stages, from which the weights apply (deferred "
        "re-weighting; published: after 80 % of the epochs); of balanced_softmax also its class counts, with "
        "cross-entropy before; 0: from the start",
        examples=[12, {"int": [0, 15]}],
    )

    @model_validator(mode="after")
    def _defers_something(self) -> "LabelLoss":
        if self.deferred_from and self.weights == "none" and self.name != "balanced_softmax":
            reject(
                "deferred_from", "must be 0 where weights is none: nothing is deferred", self.deferred_from
            )
        return self

    def losses(
        self,
        logits_BC: Tensor,
        targets: Tensor,
        class_counts_C: Tensor,
        *,
        epoch: int,
        label_smoothing: float = 0.0,
        cosine_scale: float | None = None,
    ) -> Tensor:
        """The loss [B] of labels [B] or soft labels [B, C], times the weights of the epoch (from 0)."""
        options: dict[str, Any] = {"label_smoothing": label_smoothing}
        if self.needs_cosines:
            options["scale"] = cosine_scale
        if epoch < self.deferred_from:
            return self._until_deferred(logits_BC, targets, class_counts_C, **options)
        if self.weights == "none":
            return self._unweighted(logits_BC, targets, class_counts_C, **options)
        weights_B, shares = weighted_targets(targets, self._class_weights(class_counts_C))
        if self.weight_mean == "batch":
            weights_B = weights_B / weights_B.mean()
        return weights_B * self._unweighted(logits_BC, shares, class_counts_C, **options)

    def _class_weights(self, class_counts_C: Tensor) -> Tensor:
        if self.weights == "inverse":
            return inverse_weights(class_counts_C)
        return effective_number_weights(class_counts_C, beta=self.effective_beta)

    def _unweighted(
        self, logits_BC: Tensor, targets: Tensor, class_counts_C: Tensor, **options: Any
    ) -> Tensor:
        """The loss [B] without weights; ``options``: label_smoothing, and scale where it needs cosines."""
        raise NotImplementedError

    def _until_deferred(
        self, logits_BC: Tensor, targets: Tensor, class_counts_C: Tensor, **options: Any
    ) -> Tensor:
        """The loss [B] of the epochs before ``deferred_from``."""
        return self._unweighted(logits_BC, targets, class_counts_C, **options)
