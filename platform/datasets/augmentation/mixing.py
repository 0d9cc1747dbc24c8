"""mixup and cutmix of a batch, on whatever device it is.

B: batch, C: classes, S x T: height and width of a picture (px).
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from platform.datasets.augmentation.appearance_config import MixingConfig
from platform.datasets.randomness import Stream, uniforms


def mix(
    images_B3ST: Tensor,
    labels_B: Tensor,
    config: MixingConfig,
    classes: int,
    *,
    seed: int,
    epoch: int,
    step: int,
) -> tuple[Tensor, Tensor]:
    """Each image mixed with the one before it, and soft labels [B, C] float32, whose rows add up to 1.

    By torchvision's MixUp and CutMix; which of them, and how much, is a function of (seed, epoch, step)
    alone, and nobody else's random numbers are touched. ``step`` counts the batches of an epoch.
    """
    steps = np.array([step], dtype=np.int64)
    is_mixed, is_cut, for_torch = uniforms(seed, epoch, steps, 3, Stream.MIXING)[0].tolist()
    if is_mixed >= config.probability:
        return images_B3ST, torch.nn.functional.one_hot(labels_B, classes).float()
    # torchvision draws from the CPU's generator, wherever the images are
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(round(for_torch * 2**32))
        mixed, targets_BC = _transform(config, classes, is_cut)(images_B3ST, labels_B)
    if images_B3ST.is_contiguous(memory_format=torch.channels_last):
        mixed = mixed.contiguous(memory_format=torch.channels_last)
    return mixed, targets_BC.float()


def _transform(config: MixingConfig, classes: int, is_cut: float) -> Any:
    from torchvision.transforms import v2

    has_both = config.mixup_alpha > 0 and config.cutmix_alpha > 0
    if is_cut < config.switch_probability if has_both else config.cutmix_alpha > 0:
        return v2.CutMix(alpha=config.cutmix_alpha, num_classes=classes)
    return v2.MixUp(alpha=config.mixup_alpha, num_classes=classes)
