"""Another image size for a network that is already there: its weights stay."""

from collections.abc import Callable

import torch
from torch import nn

from platform.models.build import check_forward
from platform.models.errors import ModelError
from platform.models.model_config import ModelConfig


def set_image_size(network: nn.Module, section: ModelConfig, image_size: int) -> None:
    """Let ``network`` take images of ``image_size`` px, in place.

    timm resamples position embeddings and lays windows anew (``set_input_size``) where an architecture is made
    for one size; the others take any. Raises :class:`ModelError` for a size that it cannot take.
    """
    problem = section.check_image_size(image_size)
    if problem:
        raise ModelError(f"image_size {problem}, got {image_size}")
    set_input_size: Callable[..., None] | None = getattr(network, "set_input_size", None)
    if set_input_size is not None:
        learns = {name: parameter.requires_grad for name, parameter in network.named_parameters()}
        try:
            with torch.random.fork_rng(devices=[]):
                set_input_size(img_size=(image_size, image_size))
        except (AssertionError, ValueError, RuntimeError, TypeError) as error:
            cause = str(error).partition("\n")[0] or type(error).__name__
            raise ModelError(
                f"{section.backbone} cannot be set to images of {image_size} px: {cause}"
            ) from error
        for name, parameter in network.named_parameters():
            parameter.requires_grad_(learns.get(name, True))
    check_forward(network, section, image_size)
