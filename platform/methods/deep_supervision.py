"""Deep supervision: classifiers at several depths; the baseline of contrastive deep supervision.

Lee et al., Deeply-Supervised Nets, AISTATS 2015 (arXiv 1409.5185), with the divergence from the last
classifier of Sun et al., Deeply-supervised Knowledge Synergy, CVPR 2019 (arXiv 1906.00675).
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from platform.datasets.batches.loader import Batch
from platform.losses.cross_entropy import cross_entropy
from platform.losses.distillation import soft_cross_entropy
from platform.methods._outcome import accuracy, sample_outcome, weighted
from platform.methods._protocol import ConfigBase, Learner, Progress, StepOutput, TrainingMethod
from platform.models.heads.intermediate import choose_features, feature_list, forward_with_features
from platform.models.heads.projection import AuxiliaryClassifier, depths


class Config(ConfigBase):
    networks: ClassVar[int] = 1
    takes_soft_labels: ClassVar[bool] = True

    stages: tuple[int, ...] = Field(
        (-3, -2),
        min_length=1,
        strict=False,
        description="feature maps that get a classifier of their own, as indices into those of timm's "
        "backbone; -1: the last",
    )
    auxiliary_weight: float = Field(
        0.3,
        ge=0,
        description="weight of the losses of these classifiers",
        examples=[0.3, {"uniform": [0, 1]}],
    )
    kl_weight: float = Field(
        1.0,
        ge=0,
        description="weight, within their losses, of the divergence from the last classifier's probabilities",
    )
    temperature: float = Field(
        1.0, gt=0, description="temperature of that divergence: the higher, the more unlikely classes count"
    )


class Classifiers(nn.Module):
    """An auxiliary classifier for each of a network's chosen features."""

    def __init__(self, network: nn.Module, config: Config, classes: int) -> None:
        super().__init__()
        last = feature_list(network)[-1]
        self.features = choose_features(network, config.stages)
        self.classifiers = nn.ModuleList(
            AuxiliaryClassifier(feature, last, depth, classes)
            for feature, depth in zip(self.features, depths(self.features), strict=True)
        )

    def forward(self, network: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
        """The network's logits [B, C] and the K classifiers' [B, K, C]."""
        logits_BC, maps = forward_with_features(network, images, self.features)
        others = [classify(each) for classify, each in zip(self.classifiers, maps, strict=True)]
        return logits_BC, torch.stack(others, dim=1)


class Method(TrainingMethod):
    """Cross-entropy + auxiliary_weight · Σ_k (cross-entropy of classifier k + kl_weight · its divergence).

    Each term is the mean over the batch of weight · loss.
    """

    config: Config
    metrics: ClassVar[Mapping[str, str]] = {
        "loss": "mean of what is minimised",
        "loss_auxiliary": "the part of the auxiliary classifiers, before auxiliary_weight",
        "accuracy": "share of the training images, as they were augmented, whose given label is predicted",
    }

    def companion(self, network: nn.Module) -> nn.Module:
        return Classifiers(network, self.config, len(self.class_counts))

    def step(self, networks: Sequence[Learner], batch: Batch, progress: Progress) -> StepOutput:
        targets = batch.labels if batch.targets is None else batch.targets
        logits_BC, others_BKC = networks[0](batch.images)
        own = weighted(cross_entropy(logits_BC, targets), batch.weights).mean()
        others = torch.stack(
            [
                weighted(self._auxiliary(each, logits_BC, targets), batch.weights).mean()
                for each in others_BKC.unbind(1)
            ]
        ).sum()
        loss = own + self.config.auxiliary_weight * others
        given_B = cross_entropy(logits_BC.detach(), batch.labels)
        return StepOutput(
            losses=(loss,),
            samples=sample_outcome([logits_BC], batch.labels, [given_B]),
            metrics={
                "loss": loss.detach(),
                "loss_auxiliary": others.detach(),
                "accuracy": accuracy(logits_BC, batch.labels),
            },
        )

    def _auxiliary(self, logits_BC: Tensor, last_BC: Tensor, targets: Tensor) -> Tensor:
        divergence_B = soft_cross_entropy(logits_BC, last_BC, temperature=self.config.temperature)
        return cross_entropy(logits_BC, targets) + self.config.kl_weight * divergence_B
