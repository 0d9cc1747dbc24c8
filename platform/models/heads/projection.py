"""Heads on intermediate features for deep supervision; dropped for prediction.

Shapes: B: batch, F: channels, D: dimensions, C: classes.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from platform.models.heads.intermediate import Feature

DEEPEST = 5


class Trunk(nn.Module):
    """Separable convolutions from a stage's features to the last stage's size; [B, F, H, W] to pooled [B, D].

    ``depth`` convolutions, at least one; each halves the resolution until it reaches the last stage's. Group
    norm with one group makes the result independent of the batch and of the number of workers. (The paper
    uses batch norm.)

    Zhang et al., Contrastive Deep Supervision, ECCV 2022 (arXiv 2207.05306), section 3.
    """

    def __init__(self, feature: Feature, last: Feature, depth: int) -> None:
        super().__init__()
        halvings = max(last.halvings - feature.halvings, 0)
        layers: list[nn.Module] = []
        channels = feature.channels
        for place in range(max(depth, halvings, 1)):
            layers += _separable(channels, last.channels, stride=2 if place < halvings else 1)
            channels = last.channels
        self.layers = nn.Sequential(*layers)
        self.width = channels

    def forward(self, features: Tensor) -> Tensor:
        pooled: Tensor = self.layers(features).mean((2, 3))
        return pooled


class ProjectionHead(nn.Module):
    """A trunk, then FC–ReLU–FC: features [B, F, H, W] to points of the unit sphere [B, D]."""

    def __init__(self, feature: Feature, last: Feature, depth: int, dim: int) -> None:
        super().__init__()
        self.trunk = Trunk(feature, last, depth)
        self.project = nn.Sequential(
            nn.Linear(self.trunk.width, self.trunk.width), nn.ReLU(), nn.Linear(self.trunk.width, dim)
        )

    def forward(self, features: Tensor) -> Tensor:
        return F.normalize(self.project(self.trunk(features)).float(), dim=1)


class AuxiliaryClassifier(nn.Module):
    """A trunk and a linear classifier: features [B, F, H, W] to logits [B, C]."""

    def __init__(self, feature: Feature, last: Feature, depth: int, classes: int) -> None:
        super().__init__()
        self.trunk = Trunk(feature, last, depth)
        self.classify = nn.Linear(self.trunk.width, classes)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.classify(self.trunk(features))
        return logits


def depths(features: Sequence[Feature]) -> list[int]:
    """Separable convolutions of each head: one for the network's last stage, one more for each stage before.

    At most five, because transformers have more blocks than convolutional networks have stages.
    """
    return [min(feature.from_end, DEEPEST) for feature in features]


def _separable(channels: int, width: int, *, stride: int) -> list[nn.Module]:
    return [
        nn.Conv2d(channels, channels, 3, stride, padding=1, groups=channels, bias=False),
        nn.Conv2d(channels, width, 1, bias=False),
        nn.GroupNorm(1, width),
        nn.ReLU(),
    ]
