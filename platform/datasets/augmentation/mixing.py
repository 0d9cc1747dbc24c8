"""mixup and cutmix of a batch, on its device.

B: batch, C: classes, S x T: height and width of an image (px).
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from platform.datasets.augmentation.appearance_config import MixingConfig
from platform.datasets.randomness import Stream, uniforms

TINY = 1e-30
"""Keeps a division by a weight of 0 finite, whose result is not used."""


def mix(
    images_B3ST: Tensor,
    labels_B: Tensor,
    config: MixingConfig,
    classes: int,
    *,
    seed: int,
    epoch: int,
    step: int,
    weights_B: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor | None]:
    """Mix each image with the one before it; return images, soft labels [B, C] float32, and weights [B].

    Rows of the soft labels sum to 1. Of images i and j with weights w, mixed in the shares s and 1 - s, the
    weight is s · w_i + (1 - s) · w_j, and the labels' shares are s · w_i and (1 - s) · w_j over that: each
    label's part of the loss is multiplied by its own image's weight.

    Uses torchvision's MixUp and CutMix. The choice between them and the share depend on (seed, epoch, step)
    only; no global random state changes. ``step`` counts the batches of an epoch.
    """
    steps = np.array([step], dtype=np.int64)
    is_mixed, is_cut, for_torch = uniforms(seed, epoch, steps, 3, Stream.MIXING)[0].tolist()
    if is_mixed >= config.probability:
        return images_B3ST, torch.nn.functional.one_hot(labels_B, classes).float(), weights_B
    # torchvision draws from the CPU's generator on any device
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(round(for_torch * 2**32))
        mixed, targets_BC = _transform(config, classes, is_cut)(
            images_B3ST, labels_B if weights_B is None else _weighted_labels(labels_B, weights_B, classes)
        )
    if images_B3ST.is_contiguous(memory_format=torch.channels_last):
        mixed = mixed.contiguous(memory_format=torch.channels_last)
    if weights_B is None:
        return mixed, targets_BC.float(), None
    mixed_B = targets_BC.sum(1)
    own_BC = torch.nn.functional.one_hot(labels_B, classes).float()  # any label, where the weight is 0
    shares_BC = torch.where(mixed_B[:, None] > 0, targets_BC / mixed_B.clamp(min=TINY)[:, None], own_BC)
    return mixed, shares_BC, mixed_B


def _weighted_labels(labels_B: Tensor, weights_B: Tensor, classes: int) -> Tensor:
    """[B, C]: the weight at the label, else 0; torchvision mixes rows linearly, whatever they sum to."""
    return torch.nn.functional.one_hot(labels_B, classes).float() * weights_B[:, None]


def _transform(config: MixingConfig, classes: int, is_cut: float) -> Any:
    from torchvision.transforms import v2

    has_both = config.mixup_alpha > 0 and config.cutmix_alpha > 0
    if is_cut < config.switch_probability if has_both else config.cutmix_alpha > 0:
        return v2.CutMix(alpha=config.cutmix_alpha, num_classes=classes)
    return v2.MixUp(alpha=config.mixup_alpha, num_classes=classes)
