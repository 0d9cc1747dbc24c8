"""SupCon: cross-entropy, and contrast between two augmentations of each image at several depths.

Contrastive Deep Supervision (Zhang et al., ECCV 2022, arXiv 2207.05306) with the supervised contrastive loss
(Khosla et al., NeurIPS 2020, arXiv 2004.11362) or SimCLR's. Contrast alone (``cross_entropy_weight: 0``), and
in a second stage cross-entropy with ``trainable: head``, is Khosla's own way in two phases.

Images without a label take part in the contrast only: each attracts its own other augmentation and repels all
other images. With some labels missing, training is semi-supervised.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from platform.config.section import reject
from platform.datasets.batches.loader import Batch
from platform.losses.balanced_softmax import balanced_softmax
from platform.losses.contrastive import UNLABELLED, Anchors, simclr, supcon
from platform.losses.cross_entropy import cross_entropy
from platform.losses.distillation import feature_distance, soft_cross_entropy
from platform.losses.peer_selection import mean_of_selected
from platform.methods._outcome import sample_outcome, weighted
from platform.methods._protocol import ConfigBase, Learner, Progress, StepOutput, TrainingMethod
from platform.models.errors import ModelError
from platform.models.heads.intermediate import choose_features, feature_list, forward_with_features
from platform.models.heads.projection import ProjectionHead, depths


class Config(ConfigBase):
    networks: ClassVar[int] = 1
    augmentations: ClassVar[int] = 2
    takes_soft_labels: ClassVar[bool] = False
    """A mixed image has no single class for the contrast."""
    takes_teacher: ClassVar[bool] = True
    takes_unlabelled: ClassVar[bool] = True

    contrast: Literal["supcon", "simclr"] = Field(
        "supcon",
        description="which images attract each other: supcon: those with the same given label; simclr: "
        "only two augmentations of one image",
    )
    contrast_weight: float = Field(
        0.2,
        ge=0,
        description="weight of the contrastive losses, summed over heads; 0: no contrast",
        examples=[0.2, {"uniform": [0, 1]}],
    )
    temperature: float = Field(
        0.1,
        gt=0,
        description="temperature of the contrast; the smaller, the more the nearest images count",
        examples=[0.1, {"loguniform": [0.05, 0.5]}],
    )
    base_temperature: float | None = Field(
        None,
        gt=0,
        description="scales the contrast by temperature / base_temperature; null: no scaling",
        examples=[0.07],
    )
    anchors: Anchors = Field(
        "all",
        description="augmentations that are contrasted with all others: both of each image, or the first",
    )
    stages: tuple[int, ...] = Field(
        (-3, -2, -1),
        min_length=1,
        strict=False,
        description="feature maps that get a projection head, as indices into those of timm's backbone; "
        "-1: the last",
    )
    dim: int = Field(128, ge=2, description="dimensions of the projections that are contrasted")
    cross_entropy_weight: float = Field(
        1.0,
        ge=0,
        description="weight of the loss of the given labels; 0: contrast alone",
    )
    loss: Literal["cross_entropy", "balanced_softmax"] = Field(
        "cross_entropy",
        description="loss of the given label; balanced_softmax adds the log class counts to the logits, "
        "for long tails",
    )
    distillation_weight: float = Field(
        1.0,
        ge=0,
        description="weight of the cross-entropy with the teacher's probabilities, where there is a teacher",
    )
    distillation_temperature: float = Field(
        4.0,
        gt=0,
        description="temperature of both networks in that; the higher, the more unlikely classes count",
    )
    feature_weight: float = Field(
        0.0,
        ge=0,
        description="weight of the squared distance to the teacher's projections, summed over heads",
    )

    @model_validator(mode="after")
    def _learns_something(self) -> "Config":
        if self.contrast_weight == 0 and self.cross_entropy_weight == 0:
            reject("contrast_weight", "must be > 0 if cross_entropy_weight is 0: nothing is learnt", 0)
        return self


class Heads(nn.Module):
    """A projection head for each chosen feature, and adapters to the teacher's dimensions."""

    def __init__(self, network: nn.Module, config: Config, imitated: tuple[int, ...] = ()) -> None:
        """``imitated``: dimensions of the teacher's projections that the heads imitate, one by one.

        Raises ModelError if the network lacks a chosen feature, or if the teacher has more or fewer heads.
        """
        super().__init__()
        last = feature_list(network)[-1]
        self.features = choose_features(network, config.stages)
        self.heads = nn.ModuleList(
            ProjectionHead(feature, last, depth, config.dim)
            for feature, depth in zip(self.features, depths(self.features), strict=True)
        )
        self.dims = (config.dim,) * len(self.heads)
        if imitated and len(imitated) != len(self.heads):
            raise ModelError(
                f"method.stages: {len(self.heads)} heads cannot imitate the teacher's {len(imitated)}: "
                "name as many stages, or set feature_weight to 0"
            )
        self.adapters = nn.ModuleList(
            nn.Identity() if width == config.dim else nn.Linear(config.dim, width) for width in imitated
        )

    def project(self, network: nn.Module, images: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Logits [B, C] and each head's projections [B, D]."""
        logits_BC, maps = forward_with_features(network, images, self.features)
        return logits_BC, tuple(head(each) for head, each in zip(self.heads, maps, strict=True))

    def forward(self, network: nn.Module, first: Tensor, second: Tensor) -> tuple[Tensor, ...]:
        """Logits [B, C] of the first augmentation and projections [B, K, V, D] of both (V = 2) by K heads.

        If they imitate a teacher, also the first augmentation's projections adapted to it, [B, D_k] a head.
        """
        logits_NC, projections = self.project(network, torch.cat([first, second]))
        count = len(first)
        projections_BKVD = torch.stack(
            [torch.stack([each_ND[:count], each_ND[count:]], dim=1) for each_ND in projections], dim=1
        )
        adapted = [
            adapter(each_ND[:count])
            for adapter, each_ND in zip(self.adapters, projections, strict=bool(self.adapters))
        ]
        return logits_NC[:count], projections_BKVD, *adapted


class Method(TrainingMethod):
    """cross_entropy_weight · loss of the labels + contrast_weight · Σ_heads contrastive loss.

    A teacher adds distillation_weight · soft cross-entropy + feature_weight · Σ_heads distance (section 3.3
    of the paper). All terms but the contrast use the first augmentation. The loss of the labels is the mean
    over the labelled samples, 0 if a batch has none; the other terms are means over all samples. All are
    means of weight · loss; in the contrast the weight is the anchor's. As another's positive or negative an
    image counts in full, whatever its weight.
    """

    config: Config
    metrics: ClassVar[Mapping[str, str]] = {
        "loss": "mean of what is minimised",
        "loss_labels": "loss of the given labels, before its weight",
        "loss_contrast": "contrastive loss, summed over heads, before its weight",
        "loss_distillation": "weighted cross-entropy with the teacher's classes",
        "loss_features": "weighted distance to the teacher's projections",
        "accuracy": "share of the labelled training images, as they were augmented, whose given label is "
        "predicted",
    }

    def companion(self, network: nn.Module) -> nn.Module:
        if self.teacher_dims is None or self.config.feature_weight == 0:
            return Heads(network, self.config)
        if not self.teacher_dims:
            raise ModelError("method.feature_weight: must be 0, because the teacher has no projection heads")
        return Heads(network, self.config, self.teacher_dims)

    def step(self, networks: Sequence[Learner], batch: Batch, progress: Progress) -> StepOutput:
        assert batch.second is not None, "two augmentations are contrasted"
        logits_BC, projections_BKVD, *adapted = networks[0](batch.images, batch.second)
        labelled_B = batch.labels != UNLABELLED
        labels_B = batch.labels.clamp(min=0)  # any class where it is not used
        given_B = torch.where(labelled_B, cross_entropy(logits_BC.detach(), labels_B), 0)
        of_labels_B = weighted(self._of_labels(logits_BC, labels_B), batch.weights)
        of_labels = mean_of_selected(of_labels_B, labelled_B)
        right_B = (logits_BC.detach().argmax(1) == labels_B).float()
        learnt_B = labelled_B | (self.config.contrast_weight > 0 or batch.taught is not None)
        labelled = labelled_B.sum()
        contrasts = [self._contrast(each, batch) for each in projections_BKVD.unbind(1)]
        contrast = torch.stack(contrasts).sum()
        loss = self.config.cross_entropy_weight * of_labels + self.config.contrast_weight * contrast
        distilled = self._distilled(logits_BC, adapted, batch)
        loss = loss + sum(distilled.values())
        return StepOutput(
            losses=(loss,),
            samples=sample_outcome([logits_BC], batch.labels, [given_B], [learnt_B]),
            metrics={
                "loss": loss.detach(),
                "loss_labels": of_labels.detach(),
                "loss_contrast": contrast.detach(),
                "accuracy": mean_of_selected(right_B, labelled_B),
            }
            | {name: value.detach() for name, value in distilled.items()},
            counts={"loss_labels": labelled, "accuracy": labelled},
        )

    def _distilled(self, logits_BC: Tensor, adapted: Sequence[Tensor], batch: Batch) -> dict[str, Tensor]:
        """The weighted terms that the teacher adds to the loss, by metric name."""
        if batch.taught is None:
            return {}
        taught_BC, *projections = batch.taught
        temperature = self.config.distillation_temperature
        divergence_B = soft_cross_entropy(logits_BC, taught_BC, temperature=temperature)
        divergence = weighted(divergence_B, batch.weights).mean()
        terms = {"loss_distillation": self.config.distillation_weight * divergence}
        if adapted:
            pairs = zip(adapted, projections, strict=True)
            distances = [weighted(feature_distance(*pair), batch.weights).mean() for pair in pairs]
            distance = torch.stack(distances).sum()
            terms["loss_features"] = self.config.feature_weight * distance
        return terms

    def _of_labels(self, logits_BC: Tensor, labels_B: Tensor) -> Tensor:
        if self.config.loss == "balanced_softmax":
            return balanced_softmax(logits_BC, labels_B, self.class_counts)
        return cross_entropy(logits_BC, labels_B)

    def _contrast(self, projections_BVD: Tensor, batch: Batch) -> Tensor:
        loss = simclr if self.config.contrast == "simclr" else partial(supcon, labels_B=batch.labels)
        return loss(
            projections_BVD,
            temperature=self.config.temperature,
            base_temperature=self.config.base_temperature,
            anchors=self.config.anchors,
            weights_B=batch.weights,
        )
