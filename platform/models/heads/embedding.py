"""Embeddings of images, and the embedding head for re-identification.

Shapes: B images, F channels of the pooled features, D dimensions of the embedding, C classes.
"""

import torch
from torch import Tensor, nn

from platform.datasets.image_size import Size
from platform.models.errors import FORWARD_ERRORS, ModelError, first_line
from platform.models.layers import head_modules
from platform.models.model_config import EmbeddingConfig, ModelConfig
from platform.models.normalisation import converted
from platform.models.pooling import pooled_width

SLOPE = 0.1
CLASSIFIER_STD = 0.001


class EmbeddingHead(nn.Module):
    """Features [B, F] -> logits [B, C], through an embedding [B, D] that retrieval compares.

    Linear(F, D), batch norm, LeakyReLU(0.1), dropout, Linear(D, C): the head of CORE (Ye et al., IEEE TIP
    2021) and others on ResNet-50. Initialised like that baseline: first layer He-normal over its outputs,
    classifier normal with a standard deviation of 0.001, biases 0.
    """

    def __init__(self, features: int, classes: int, config: EmbeddingConfig) -> None:
        super().__init__()
        self.projection = nn.Linear(features, config.dim)
        self.norm = nn.BatchNorm1d(config.dim)
        self.activation = nn.LeakyReLU(SLOPE)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = nn.Linear(config.dim, classes)
        nn.init.kaiming_normal_(self.projection.weight, mode="fan_out")
        nn.init.normal_(self.classifier.weight, std=CLASSIFIER_STD)
        nn.init.zeros_(self.projection.bias)
        nn.init.zeros_(self.classifier.bias)

    def embed(self, features: Tensor) -> Tensor:
        """[B, D] from features [B, F], or [B, F, 1, 1] if timm's classifier is a convolution."""
        embedding_BD: Tensor = self.activation(self.norm(self.projection(features.flatten(1))))
        return embedding_BD

    def forward(self, features: Tensor) -> Tensor:
        logits_BC: Tensor = self.classifier(self.dropout(self.embed(features)))
        return logits_BC


def embedding_width(network: nn.Module) -> int:
    """The dimension D of the network's embeddings."""
    heads = [module for module in network.modules() if isinstance(module, EmbeddingHead)]
    return heads[0].projection.out_features if heads else pooled_width(network)


def embed(network: nn.Module, images: Tensor) -> Tensor:
    """The embeddings [B, D] of images [B, 3, H, W], which retrieval compares.

    With an :class:`EmbeddingHead`: its embedding, before dropout. Without: the features [B, F] that timm's
    classifier takes. Pass images as to ``network(images)``; the conversion of
    :func:`~platform.models.normalisation.convert_input` is applied here too.

    Raises ValueError for a network in training mode, whose batch norms would mix the images, and ModelError
    if timm does not return one feature vector per image, as for a few networks.
    """
    if network.training:
        raise ValueError("embeddings are of a network in evaluation: call network.eval() first")
    features_BF = _pre_logits(network, converted(network, images))
    for name in head_modules(network):
        head = network.get_submodule(name)
        if isinstance(head, EmbeddingHead):
            return head.embed(features_BF)
    return features_BF


def put_embedding_head(network: nn.Module, section: ModelConfig, size: Size) -> None:
    """Replace timm's classifier by the head of ``section.embedding``, in place.

    A forward pass with an image of ``size`` px shows how many features the classifier takes. Raises
    :class:`ModelError`, without changes, if there are several classifiers or if the classifier takes anything
    but timm's pooled features.
    """
    assert section.embedding is not None
    names = head_modules(network)
    if len(names) != 1:
        raise _cannot(section, f"it has {len(names)} classifiers ({', '.join(names) or 'none'})")
    (name,) = names
    was_training = network.training
    network.eval()
    try:
        features = _count_features(network, name, section, size)
    except FORWARD_ERRORS as error:
        raise _cannot(section, first_line(error)) from error
    finally:
        network.train(was_training)
    classes = int(network.num_classes)  # type: ignore[arg-type]
    head = EmbeddingHead(features, classes, section.embedding)
    network.set_submodule(name, head.train(was_training), strict=True)


def _count_features(network: nn.Module, name: str, section: ModelConfig, size: Size) -> int:
    """F, if the classifier ``name`` takes timm's pooled features and nothing else."""
    some = next(network.parameters())
    image = torch.linspace(-1, 1, 3 * size.height * size.width, device=some.device).view(1, 3, *size)
    taken: list[Tensor] = []
    classifier = network.get_submodule(name)
    handle = classifier.register_forward_pre_hook(lambda _, inputs: taken.extend(inputs))
    try:
        with torch.no_grad():
            network(image)
    finally:
        handle.remove()
    with torch.no_grad():
        features_BF = _pre_logits(network, image)
    if not taken:
        raise _cannot(section, "its classifier is not a separate layer")
    if len(taken) != 1 or not _are_equal(taken[0], features_BF):
        shapes = ", ".join(str(list(one.shape)) for one in taken)
        raise _cannot(section, f"its classifier takes {shapes}, not the pooled {list(features_BF.shape)}")
    return features_BF.shape[1]


def _are_equal(taken: Tensor, features_BF: Tensor) -> bool:
    """Equal in shape and, unless on the meta device (the check before a sweep), in value."""
    same_shape = taken.flatten(1).shape == features_BF.shape
    return same_shape and (taken.is_meta or torch.allclose(taken.flatten(1), features_BF, rtol=1e-3))


def _pre_logits(network: nn.Module, images: Tensor) -> Tensor:
    features = network.forward_features(images)  # type: ignore[operator]
    pooled = network.forward_head(features, pre_logits=True)  # type: ignore[operator]
    if not isinstance(pooled, Tensor) or pooled.ndim != 2:
        raise ModelError(f"{type(network).__name__} has no features of one vector per image")
    return pooled


def _cannot(section: ModelConfig, why: str) -> ModelError:
    return ModelError(f"no embedding head can be put on {section.backbone}: {why}")
