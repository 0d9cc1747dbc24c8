"""SupCon: cross-entropy, and contrast between two views at several depths of the network.

Contrastive Deep Supervision (Zhang et al., ECCV 2022, arXiv 2207.05306) with the supervised contrastive loss
(Khosla et al., NeurIPS 2020, arXiv 2004.11362) or SimCLR's. Contrast alone (``cross_entropy_weight: 0``), and
in a second stage cross-entropy with ``trainable: head``, is Khosla's own way in two phases.

Pictures without a label take part in the contrast, where each attracts its own other view alone and is pushed
off all others, and in nothing else: so it is semi-supervised where some have none.
"""

from collections.abc import Sequence
from functools import partial
from typing import ClassVar, Literal

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from platform.config.section import Section, reject
from platform.datasets.batches.loader import Batch
from platform.losses.balanced_softmax import balanced_softmax
from platform.losses.contrastive import UNLABELLED, Anchors, simclr, supcon
from platform.losses.cross_entropy import cross_entropy
from platform.losses.distillation import feature_distance, soft_cross_entropy
from platform.losses.peer_selection import mean_of_selected
from platform.methods._protocol import (
    Learner,
    Progress,
    StepOutput,
    TrainingMethod,
    sample_outcome,
)
from platform.models.errors import ModelError
from platform.models.heads.intermediate import choose_features, feature_list, forward_with_features
from platform.models.heads.projection import ProjectionHead, depths


class Config(Section):
    networks: ClassVar[int] = 1
    views: ClassVar[int] = 2
    takes_soft_labels: ClassVar[bool] = False
    """A mixed picture is of no class that others could be contrasted with."""
    takes_teacher: ClassVar[bool] = True
    takes_unlabelled: ClassVar[bool] = True

    contrast: Literal["supcon", "simclr"] = Field(
        "supcon",
        description="what attracts: the pictures of the same given label, or views of one picture alone",
    )
    contrast_weight: float = Field(0.2, ge=0, description="of the sum of the heads' contrastive losses")
    temperature: float = Field(
        0.1, gt=0, description="of the contrast; the smaller, the more the nearest count"
    )
    base_temperature: float | None = Field(
        None, gt=0, description="scales the contrast by temperature / base_temperature; null: not at all"
    )
    anchors: Anchors = Field(
        "all", description="views that are contrasted with all others: all, or the first one"
    )
    stages: tuple[int, ...] = Field(
        (-3, -2, -1),
        min_length=1,
        strict=False,
        description="features with a head: places among timm's features of the backbone, -1 the last",
    )
    dim: int = Field(128, ge=2, description="dimensions of the space in which views are compared")
    cross_entropy_weight: float = Field(
        1.0, ge=0, description="of the first view's loss of the given label; 0: contrast alone"
    )
    loss: Literal["cross_entropy", "balanced_softmax"] = Field(
        "cross_entropy",
        description="of the given label; balanced_softmax adds the log class counts to the logits",
    )
    distillation_weight: float = Field(
        1.0, ge=0, description="of the cross-entropy with the classes that the teacher finds likely"
    )
    distillation_temperature: float = Field(
        4.0, gt=0, description="of both networks' classes in it; the higher, the more the unlikely ones count"
    )
    feature_weight: float = Field(
        0.0,
        ge=0,
        description="of the squared distance to the teacher's projections: mean over dim, sum over heads",
    )

    @model_validator(mode="after")
    def _learns_something(self) -> "Config":
        if self.contrast_weight == 0 and self.cross_entropy_weight == 0:
            reject("contrast_weight", "must be > 0 where cross_entropy_weight is 0: nothing is learnt", 0)
        return self


class Heads(nn.Module):
    """A projection head for each of a network's chosen features, and what adapts it to the teacher's."""

    def __init__(self, network: nn.Module, config: Config, imitated: tuple[int, ...] = ()) -> None:
        """``imitated``: the dimensions of the teacher's projections that these are to resemble, head by head.

        Raises ModelError where the network has no such features, or not as many heads as the teacher.
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
                f"method.stages: {len(self.heads)} heads cannot resemble the teacher's {len(imitated)}: "
                "it must name as many, or feature_weight be 0"
            )
        self.adapters = nn.ModuleList(
            nn.Identity() if width == config.dim else nn.Linear(config.dim, width) for width in imitated
        )

    def project(self, network: nn.Module, images: Tensor) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Logits [B, C] and each head's projections [B, D]."""
        logits_BC, maps = forward_with_features(network, images, self.features)
        return logits_BC, tuple(head(each) for head, each in zip(self.heads, maps, strict=True))

    def forward(self, network: nn.Module, first: Tensor, second: Tensor) -> tuple[Tensor, ...]:
        """Logits of the first view [B, C], both views' projections [B, K, V, D] from K heads, and the first
        view's once more, adapted to the teacher's [B, D_k], if they are to resemble them."""
        logits_NC, projections = self.project(network, torch.cat([first, second]))
        count = len(first)
        views_BKVD = torch.stack(
            [torch.stack([each_ND[:count], each_ND[count:]], dim=1) for each_ND in projections], dim=1
        )
        adapted = [
            adapter(each_ND[:count])
            for adapter, each_ND in zip(self.adapters, projections, strict=bool(self.adapters))
        ]
        return logits_NC[:count], views_BKVD, *adapted


class Method(TrainingMethod):
    """cross_entropy_weight · loss of the first view + contrast_weight · Σ_heads contrastive loss,

    and with a teacher, distillation_weight · soft cross-entropy + feature_weight · Σ_heads distance, both of
    the first view (section 3.3 of the paper). The loss of the first view is the mean over the labelled
    samples, 0 in a batch of none; the others are means over all.
    """

    config: Config

    def companion(self, network: nn.Module) -> nn.Module:
        if self.teacher_dims is None or self.config.feature_weight == 0:
            return Heads(network, self.config)
        if not self.teacher_dims:
            raise ModelError("method.feature_weight: must be 0: the teacher has no projection heads")
        return Heads(network, self.config, self.teacher_dims)

    def step(self, networks: Sequence[Learner], batch: Batch, progress: Progress) -> StepOutput:
        assert batch.second is not None, "two views are contrasted"
        logits_BC, projections_BKVD, *adapted = networks[0](batch.images, batch.second)
        labelled_B = batch.labels != UNLABELLED
        labels_B = batch.labels.clamp(min=0)  # some class, where it is not used
        given_B = torch.where(labelled_B, cross_entropy(logits_BC.detach(), labels_B), 0)
        of_labels = mean_of_selected(self._of_labels(logits_BC, labels_B), labelled_B)
        right_B = (logits_BC.detach().argmax(1) == labels_B).float()
        learnt_B = labelled_B | (self.config.contrast_weight > 0 or batch.taught is not None)
        labelled = labelled_B.sum()
        contrasts = [self._contrast(each, batch.labels) for each in projections_BKVD.unbind(1)]
        contrast = torch.stack(contrasts).sum()
        loss = self.config.cross_entropy_weight * of_labels + self.config.contrast_weight * contrast
        distilled = self._distilled(logits_BC, adapted, batch.taught)
        loss = loss + sum(distilled.values())
        return StepOutput(
            losses=(loss,),
            samples=sample_outcome([logits_BC], [given_B], [learnt_B]),
            metrics={
                "loss": loss.detach(),
                "loss_labels": of_labels.detach(),
                "loss_contrast": contrast.detach(),
                "accuracy": mean_of_selected(right_B, labelled_B),
            }
            | {name: value.detach() for name, value in distilled.items()},
            counts={"loss_labels": labelled, "accuracy": labelled},
        )

    def _distilled(
        self, logits_BC: Tensor, adapted: Sequence[Tensor], taught: tuple[Tensor, ...] | None
    ) -> dict[str, Tensor]:
        """What the teacher adds to the loss, weighted, by the metrics' names."""
        if taught is None:
            return {}
        taught_BC, *projections = taught
        temperature = self.config.distillation_temperature
        found = soft_cross_entropy(logits_BC, taught_BC, temperature=temperature).mean()
        terms = {"loss_distillation": self.config.distillation_weight * found}
        if adapted:
            pairs = zip(adapted, projections, strict=True)
            distance = torch.stack([feature_distance(*pair).mean() for pair in pairs]).sum()
            terms["loss_features"] = self.config.feature_weight * distance
        return terms

    def _of_labels(self, logits_BC: Tensor, labels_B: Tensor) -> Tensor:
        if self.config.loss == "balanced_softmax":
            return balanced_softmax(logits_BC, labels_B, self.class_counts)
        return cross_entropy(logits_BC, labels_B)

    def _contrast(self, projections_BVD: Tensor, labels_B: Tensor) -> Tensor:
        loss = simclr if self.config.contrast == "simclr" else partial(supcon, labels_B=labels_B)
        return loss(
            projections_BVD,
            temperature=self.config.temperature,
            base_temperature=self.config.base_temperature,
            anchors=self.config.anchors,
        )
