"""The memory layout of images and convolutional weights: channels last (NHWC), or contiguous (NCHW)."""

from collections.abc import Iterable
from typing import Literal

import torch
from torch import nn

LayoutSetting = Literal["auto"] | bool

PATCHES = 1
"""Convolutions of a transformer: the one that cuts an image into patches."""


def is_channels_last(
    setting: LayoutSetting, networks: Iterable[nn.Module], device: str | torch.device
) -> bool:
    """Resolve ``auto``: channels last on a GPU, if one of the networks is convolutional, else contiguous.

    A GPU's tensor cores convolve in channels last. On a CPU it depends on the network, and nothing is
    measured, so that equal trials on one machine have equal weights.
    """
    if setting != "auto":
        return setting
    return torch.device(device).type == "cuda" and any(map(is_convolutional, networks))


def is_convolutional(network: nn.Module) -> bool:
    """Whether more than the first layer has four-dimensional weights."""
    return sum(isinstance(module, nn.Conv2d) for module in network.modules()) > PATCHES
