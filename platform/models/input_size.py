"""Change the image size of an existing network; it keeps its weights."""

import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from platform.datasets.image_size import Size, SizeLike, as_size
from platform.models import resampling
from platform.models.build import build_blank, check_forward
from platform.models.errors import FORWARD_ERRORS, ModelError, first_line
from platform.models.model_config import ModelConfig


def set_image_size(network: nn.Module, section: ModelConfig, image_size: SizeLike) -> None:
    """Let ``network`` take images of ``image_size`` px, in place, as if it had been built for them.

    For architectures made for one size, timm resamples position embeddings and attention windows
    (``set_input_size``); others take any size. Resampled tensors are new parameters, which an older optimiser
    does not know. Raises :class:`ModelError` if the network cannot take the size.
    """
    size = as_size(image_size)
    plain = section.model_copy(update={"weights": None})
    built = build_blank(plain, int(network.num_classes), size)  # type: ignore[arg-type]
    learns = {name: parameter.requires_grad for name, parameter in network.named_parameters()}
    set_input_size: Callable[..., None] | None = getattr(network, "set_input_size", None)
    if set_input_size is not None:
        try:
            with torch.random.fork_rng(devices=[]), resampling.without_warning():
                set_input_size(img_size=tuple(size), **_windows(set_input_size, built))
        except FORWARD_ERRORS as error:
            raise ModelError(f"{_cannot(section, size)}: {first_line(error)}") from error
    if _shapes(network) != _shapes(built):
        raise ModelError(f"{_cannot(section, size)}: timm cannot resize it once it is built")
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(learns.get(name, True))
    check_forward(network, section, size)


def _windows(set_input_size: Callable[..., None], built: nn.Module) -> dict[str, Any]:
    """Swin's attention windows of a network built for the new size; timm would enlarge the old ones."""
    windows = getattr(built, "_ref_window_sizes", None)
    takes_them = "window_size" in inspect.signature(set_input_size).parameters
    return {"window_size": windows} if windows is not None and takes_them else {}


def _shapes(network: nn.Module) -> dict[str, torch.Size]:
    return {name: value.shape for name, value in network.state_dict().items()}


def _cannot(section: ModelConfig, size: Size) -> str:
    return f"{section.backbone} cannot be set to images of {size} px"
