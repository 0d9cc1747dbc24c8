"""The choice of losses of the given label: the sections of ``method.loss``.

Shapes: B samples of a batch, C classes.
"""

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field
from torch import Tensor

from platform.config.section import Section
from platform.losses.balanced_softmax import balanced_softmax
from platform.losses.cross_entropy import cross_entropy
from platform.losses.generalised_cross_entropy import generalised_cross_entropy
from platform.losses.long_tail.am_softmax import am_softmax
from platform.losses.long_tail.focal import focal
from platform.losses.long_tail.ldam import ldam
from platform.losses.symmetric_cross_entropy import symmetric_cross_entropy
from platform.methods._label_loss import LabelLoss


class CrossEntropy(LabelLoss):
    """-log p_y, the baseline."""

    name: Literal["cross_entropy"] = "cross_entropy"

    def _unweighted(
        self, logits_BC: Tensor, targets: Tensor, class_counts_C: Tensor, **options: Any
    ) -> Tensor:
        return cross_entropy(logits_BC, targets, **options)


class ClassBalanced(CrossEntropy):
    """Cross-entropy with class weights, by default those of Cui et al., CVPR 2019 (arXiv 1901.05555)."""

    name: Literal["class_balanced"] = "class_balanced"  # type: ignore[assignment]
    weights: Literal["inverse", "effective_number"] = Field(
        "effective_number",
        description="weights of the classes, on average 1: inverse is 1/n of a class with n training images; "
        "effective_number is (1 - b) / (1 - b^n) with b = effective_beta, which rises more slowly",
        examples=["inverse", {"choice": ["inverse", "effective_number"]}],
    )


class BalancedSoftmax(LabelLoss):
    """Cross-entropy of logits + tau · log class counts (Ren et al., NeurIPS 2020, arXiv 2007.10740).

    Menon et al., ICLR 2021 (arXiv 2007.07314), have tau.
    """

    name: Literal["balanced_softmax"] = "balanced_softmax"
    tau: float = Field(
        1.0,
        gt=0,
        description="how strongly the class counts count; 1: as published, towards 0: cross-entropy",
        examples=[1.0, {"uniform": [0.5, 1.5]}],
    )

    def _unweighted(
        self, logits_BC: Tensor, targets: Tensor, class_counts_C: Tensor, **options: Any
    ) -> Tensor:
        return balanced_softmax(logits_BC, targets, class_counts_C, tau=self.tau, **options)

    def _until_deferred(
        self, logits_BC: Tensor, targets: Tensor, class_counts_C: Tensor, **options: Any
    ) -> Tensor:
        return cross_entropy(logits_BC, targets, **options)


class Focal(LabelLoss):
    """(1 - p_y)^gamma · -log p_y (Lin et al., ICCV 2017, arXiv 1708.02002), of a softmax."""

    name: Literal["focal"] = "focal"
    gamma: float = Field(
        1.0,
        ge=0,
        description="how much less an image counts of whose label the network is sure; 0: cross-entropy "
        "(published: 2 for detection, 1 for long tails)",
        examples=[1.0, {"uniform": [0.5, 3.0]}],
    )

    def _unweighted(
        self, logits_BC: Tensor, targets: Tensor, class_counts_C: Tensor, **options: Any
    ) -> Tensor:
        return focal(logits_BC, targets, gamma=self.gamma, **options)


class Ldam(LabelLoss):
    """Cross-entropy with a margin that is larger for rarer classes (Cao et al., NeurIPS 2019).

    arXiv 1906.07413. Published with ``weights: effective_number`` deferred to the last fifth of the epochs.
    """

    takes_soft_labels: ClassVar[bool] = False
    needs_cosines: ClassVar[bool] = True

    name: Literal["ldam"] = "ldam"
    max_margin: float = Field(
        0.5,
        ge=0,
        lt=2,
        description="margin, a difference of cosines, of the rarest class; one with n times the images has "
        "n^(-1/4) of it (published: 0.5, and 0.3 for iNaturalist)",
        examples=[0.5, {"uniform": [0.1, 0.6]}],
    )

    def _unweighted(
        self, logits_BC: Tensor, targets: Tensor, class_counts_C: Tensor, **options: Any
    ) -> Tensor:
        return ldam(logits_BC, targets, class_counts_C, max_margin=self.max_margin, **options)


class AmSoftmax(LabelLoss):
    """Cross-entropy with the same margin for each class (Wang et al., 2018, arXiv 1801.05599; CosFace)."""

    takes_soft_labels: ClassVar[bool] = False
    needs_cosines: ClassVar[bool] = True

    name: Literal["am_softmax"] = "am_softmax"
    margin: float = Field(
        0.35,
        ge=0,
        lt=2,
        description="by how much the cosine of the label must be above the others",
        examples=[0.35, {"uniform": [0.05, 0.5]}],
    )

    def _unweighted(
        self, logits_BC: Tensor, targets: Tensor, class_counts_C: Tensor, **options: Any
    ) -> Tensor:
        return am_softmax(logits_BC, targets, margin=self.margin, **options)


class SymmetricSettings(Section):
    """The weights of symmetric cross-entropy's two terms."""

    alpha: float = Field(
        1.0,
        ge=0,
        description="weight of cross-entropy; more classes need more of it (published: 0.1 for 10 classes, "
        "6 for 100)",
        examples=[6.0, {"loguniform": [0.1, 10.0]}],
    )
    beta: float = Field(
        1.0,
        ge=0,
        description="weight of the reverse cross-entropy",
        examples=[1.0, {"loguniform": [0.1, 10.0]}],
    )
    log_zero: float = Field(
        -4.0,
        lt=0,
        description="what stands for log 0 in the reverse cross-entropy (A of the paper, which has -4; the "
        "reproduction's code has -9.21). It scales beta and nothing else unless images are mixed",
        examples=[-9.21],
    )


class SymmetricCrossEntropy(SymmetricSettings, LabelLoss):
    """Symmetric cross-entropy, the loss of the method ``sce`` (Wang et al., ICCV 2019, arXiv 1908.06112)."""

    name: Literal["sce"] = "sce"

    def _unweighted(
        self, logits_BC: Tensor, targets: Tensor, class_counts_C: Tensor, **options: Any
    ) -> Tensor:
        weights = {"alpha": self.alpha, "beta": self.beta, "log_zero": self.log_zero}
        return symmetric_cross_entropy(logits_BC, targets, **weights, **options)


class GeneralisedSettings(Section):
    """The exponent of generalised cross-entropy."""

    q: float = Field(
        0.7,
        gt=0,
        le=1,
        description="towards 0: cross-entropy; 1: mean absolute error, which forgives more wrong labels and "
        "learns more slowly",
        examples=[0.7, {"uniform": [0.2, 0.9]}],
    )


class GeneralisedCrossEntropy(GeneralisedSettings, LabelLoss):
    """Generalised cross-entropy (Zhang & Sabuncu, NeurIPS 2018, arXiv 1805.07836), not truncated."""

    name: Literal["gce"] = "gce"

    def _unweighted(
        self, logits_BC: Tensor, targets: Tensor, class_counts_C: Tensor, **options: Any
    ) -> Tensor:
        return generalised_cross_entropy(logits_BC, targets, q=self.q, **options)


def _as_section(value: object) -> object:
    """A loss's name alone stands for its section with all defaults."""
    return {"name": value} if isinstance(value, str) else value


LOSSES = (
    *(CrossEntropy, BalancedSoftmax, ClassBalanced, Focal),
    *(Ldam, AmSoftmax, SymmetricCrossEntropy, GeneralisedCrossEntropy),
)

if TYPE_CHECKING:
    LabelLossConfig = LabelLoss
else:
    LabelLossConfig = Annotated[
        reduce(or_, LOSSES), Field(discriminator="name"), BeforeValidator(_as_section)
    ]
