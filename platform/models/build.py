"""Build the network of a ``model`` section."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from platform.datasets.image_size import Size, SizeLike, as_size
from platform.models import resampling
from platform.models.backbones import find_backbone
from platform.models.errors import FORWARD_ERRORS, ModelError, first_line
from platform.models.heads.cosine import put_cosine_classifier
from platform.models.heads.embedding import put_embedding_head
from platform.models.model_config import ModelConfig
from platform.models.pooling import set_pooling
from platform.models.stems import SMALL_BELOW_PX, make_stem_small
from platform.models.weights import check_weights, load_weights


def build(config: ModelConfig, classes: int, image_size: SizeLike) -> nn.Module:
    """A timm network: images [B, 3, H, W] to logits [B, C].

    Raises :class:`ModelError` if it cannot take images of ``image_size`` px, if its published weights cannot
    be loaded, if it cannot have the pooling, an embedding head or a classifier of cosines, or if
    ``config.weights`` are unreadable or of another architecture.
    """
    return build_resolved(config, classes, image_size)[0]


def build_resolved(config: ModelConfig, classes: int, image_size: SizeLike) -> tuple[nn.Module, ModelConfig]:
    """As :func:`build`; also returns the section with the stem resolved, which fits any image size."""
    size = as_size(image_size)
    network = _create(config, classes, size)
    is_small = _wants_small_stem(config, size) and make_stem_small(network)
    if config.stem == "small" and not is_small:
        raise ModelError(f"no small stem can be made for {config.backbone}")
    set_pooling(network, config)
    if config.embedding is not None or config.pool is not None or size != _own_image_size(network):
        check_forward(network, config, size)
    if config.embedding is not None:
        put_embedding_head(network, config, size)
    if config.cosine_scale is not None:
        put_cosine_classifier(network, config)
    if config.weights is not None:
        load_weights(network, Path(config.weights))
    return network, config.model_copy(update={"stem": "small" if is_small else "original"})


def build_blank(config: ModelConfig, classes: int, image_size: SizeLike) -> nn.Module:
    """The network without weights, on the meta device, to check before a sweep that it can be built.

    Raises :class:`ModelError` if it cannot. Published weights are not fetched; local ones must fit, by their
    headers.
    """
    with torch.device("meta"):
        network = build(config.model_copy(update={"pretrained": False, "weights": None}), classes, image_size)
    if config.weights is not None:
        check_weights(network, Path(config.weights))
    return network


def _create(config: ModelConfig, classes: int, size: Size) -> nn.Module:
    import timm

    options: dict[str, Any] = {}
    if config.dropout:
        options["drop_rate"] = config.dropout
    if config.drop_path:
        options["drop_path_rate"] = config.drop_path
    if _is_made_for_one_size(config.backbone):
        options["img_size"] = tuple(size)
    try:
        with resampling.without_warning():
            network: nn.Module = timm.create_model(
                config.backbone, pretrained=config.pretrained, num_classes=classes, **options
            )
    except OSError as error:
        raise ModelError(
            f"timm's weights of {config.backbone} cannot be loaded: {first_line(error)}"
        ) from error
    except FORWARD_ERRORS as error:
        raise ModelError(_cannot(config, size, error)) from error
    return network


def _is_made_for_one_size(backbone: str) -> bool:
    """Whether it is built for an image size, like vision transformers; timm then resamples weights."""
    from timm.models import get_pretrained_cfg

    published = get_pretrained_cfg(backbone, allow_unregistered=True)
    return bool(published and published.fixed_input_size)


def _wants_small_stem(config: ModelConfig, size: Size) -> bool:
    """Decide by the shorter side, which a stem for large images would reduce to nothing."""
    if config.stem != "auto":
        return config.stem == "small"
    known = find_backbone(config.backbone)
    return min(size) < SMALL_BELOW_PX and (known is None or known.has_small_stem)


def _own_image_size(network: nn.Module) -> Size:
    published = getattr(network, "pretrained_cfg", None) or {}
    return Size(*published.get("input_size", (3, 0, 0))[1:])


def check_forward(network: nn.Module, config: ModelConfig, size: Size) -> None:
    """Fail now, not in the first epoch, if images are too small or not a multiple of the patch size."""
    some = next(network.parameters())
    problem = config.check_image_size(size)
    if problem:
        raise ModelError(f"image_size {problem}, got {size}")
    was_training = network.training
    network.eval()
    try:
        with torch.no_grad():
            network(torch.zeros(1, 3, *size, device=some.device))
    except FORWARD_ERRORS as error:
        raise ModelError(_cannot(config, size, error)) from error
    finally:
        network.train(was_training)


def _cannot(config: ModelConfig, size: Size, error: Exception) -> str:
    return f"{config.backbone} cannot be built for images of {size} px: {first_line(error)}"
