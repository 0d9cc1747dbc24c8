"""The input normalisation that a network expects.

Images are normalised once for all networks of a trial. A network whose weights were trained with another mean
and standard deviation converts its input.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from platform.models.model_config import ModelConfig


@dataclass(frozen=True)
class Normalisation:
    """(x - mean) / std per channel, for x in [0, 1]."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def expected_normalisation(network: nn.Module, config: ModelConfig) -> Normalisation | None:
    """The normalisation of published or local weights; None for a network without either."""
    if not config.pretrained and config.weights is None:
        return None
    published = network.pretrained_cfg
    assert isinstance(published, dict)
    return Normalisation(_triple(published["mean"]), _triple(published["std"]))


def convert_input(network: nn.Module, given: Normalisation, expected: Normalisation) -> None:
    """Let ``network`` take images with another normalisation than it expects."""
    if given == expected:
        return
    scale = [here / there for here, there in zip(given.std, expected.std, strict=True)]
    shift = [
        (here - there) / std for here, there, std in zip(given.mean, expected.mean, expected.std, strict=True)
    ]
    network.register_forward_pre_hook(_Conversion(tuple(scale), tuple(shift)))


def converted(network: nn.Module, images: Tensor) -> Tensor:
    """Images as the layers of ``network`` see them; use it to call parts of the network."""
    for hook in network._forward_pre_hooks.values():
        if isinstance(hook, _Conversion):
            images = hook.of(images)
    return images


@dataclass(frozen=True)
class _Conversion:
    """A forward pre-hook of a network."""

    scale: tuple[float, ...]
    shift: tuple[float, ...]

    def __call__(self, _: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return (self.of(inputs[0]), *inputs[1:])

    def of(self, images: Tensor) -> Tensor:
        return images * _channels(self.scale, images) + _channels(self.shift, images)


def _channels(values: Sequence[float], like: Tensor) -> Tensor:
    return torch.tensor(values, device=like.device, dtype=like.dtype)[:, None, None]


def _triple(values: Sequence[float]) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in values)
    return first, second, third
