"""The classifier whose logits are scaled cosines. Shapes: B images, F features, C classes."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from platform.models.errors import ModelError
from platform.models.heads.embedding import EmbeddingHead
from platform.models.layers import head_modules
from platform.models.model_config import ModelConfig


class CosineClassifier(nn.Linear):
    """Features [B, F] -> logits [B, C]: s · cos of the angle between the features and a class's weights.

    No bias. Features or weights of length 0 give 0. Computed in float32 whatever the network's precision,
    for a half's cosines next to 1 are 0.0005 or, in bf16, 0.004 apart. The weights begin at unit length.
    """

    def __init__(self, features: int, classes: int, scale: float) -> None:
        super().__init__(features, classes, bias=False)
        self.scale = scale
        nn.init.normal_(self.weight, std=features**-0.5)

    def forward(self, features_BF: Tensor) -> Tensor:
        with torch.autocast(features_BF.device.type, enabled=False):
            unit_BF = F.normalize(features_BF.float(), dim=1)
            return self.scale * F.linear(unit_BF, F.normalize(self.weight.float(), dim=1))


def put_cosine_classifier(network: nn.Module, section: ModelConfig) -> None:
    """Replace the network's linear classifier, or that of its embedding head, in place.

    Raises :class:`ModelError`, without changes, if it is not a linear layer.
    """
    assert section.cosine_scale is not None
    names = [
        f"{name}.classifier" if isinstance(network.get_submodule(name), EmbeddingHead) else name
        for name in head_modules(network)
    ]
    linear = [network.get_submodule(name) for name in names]
    if not linear or not all(isinstance(layer, nn.Linear) for layer in linear):
        raise ModelError(f"model.cosine_scale: the classifier of {section.backbone} is not a linear layer")
    for name, layer in zip(names, linear, strict=True):
        assert isinstance(layer, nn.Linear)
        classifier = CosineClassifier(layer.in_features, layer.out_features, section.cosine_scale)
        network.set_submodule(name, classifier.train(network.training), strict=True)
