"""mixup and cutmix of a batch, on whatever device it is. B: batch, C: classes, S: image_size (px)."""

import numpy as np
import torch
from torch import Tensor

from platform.datasets.appearance_config import Mixing

STREAM = 2
"""Tells these random numbers from others of the same (seed, epoch, step)."""


def mix(
    images: Tensor, labels_B: Tensor, config: Mixing, classes: int, *, seed: int, epoch: int, step: int
) -> tuple[Tensor, Tensor]:
    """Images [B, 3, S, S] mixed each with the one before it, and their soft labels [B, C] float32.

    By torchvision's MixUp and CutMix; which, and how much, is a function of (seed, epoch, step) alone, and
    nobody else's random numbers are touched. ``step`` counts the batches of an epoch.
    """
    from torchvision.transforms import v2

    random = np.random.default_rng([seed, STREAM, epoch, step])
    is_mixed, is_cut, torch_seed = random.random(), random.random(), int(random.integers(2**63))
    if is_mixed >= config.probability:
        return images, torch.nn.functional.one_hot(labels_B, classes).float()
    both = config.mixup_alpha > 0 and config.cutmix_alpha > 0
    cuts = is_cut < config.switch_probability if both else config.cutmix_alpha > 0
    transform = (
        v2.CutMix(alpha=config.cutmix_alpha, num_classes=classes)
        if cuts
        else v2.MixUp(alpha=config.mixup_alpha, num_classes=classes)
    )
    with torch.random.fork_rng(devices=[]):  # both draw from the CPU's generator, whatever the device
        torch.default_generator.manual_seed(torch_seed)
        mixed, targets_BC = transform(images, labels_B)
    return mixed, targets_BC.float()
