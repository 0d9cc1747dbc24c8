"""The same part of the image at smaller and larger inputs."""

import math

from platform.datasets.image_size import LARGEST, SMALLEST, Size
from platform.datasets.batches.prediction_views import View
from platform.models.backbones import find_backbone
from platform.training.trial.trial_config import TrialConfig

FACTORS = (0.875, 1.14)
"""Of the input's sides. Larger ones suit networks that learnt from random resized crops, which show things
larger than evaluation does (Touvron et al., Fixing the train-test resolution discrepancy, NeurIPS 2019)."""

STEPS = 8
"""A side is at least so many steps long, to which sizes are rounded."""
LARGEST_STEP = 32


def views(config: TrialConfig, image_size: Size) -> list[View]:
    """A view a factor, its sides rounded to what the trial's backbones take; only sizes that are others.

    A backbone of another multiple than 1 says itself what it takes. For the others sides are multiples of
    the power of two that goes eight times or more into the shorter one, 32 at most: 192 and 256 for 224, 14
    and 18 for 16. Whether a network can be resized at all shows when it is.
    """
    step = _step(config, image_size)
    sizes = [Size(*(_rounded(side * factor, step) for side in image_size)) for factor in FACTORS]
    return [
        View(name=f"at {size} px", image_size=size)
        for size in dict.fromkeys(sizes)
        if size != image_size and min(size) >= SMALLEST and max(size) <= LARGEST
    ]


def _step(config: TrialConfig, image_size: Size) -> int:
    known = [find_backbone(section.backbone) for section in config.models]
    multiples = [one.size_multiple for one in known if one is not None and one.size_multiple > 1]
    if multiples:
        return math.lcm(*multiples)
    return int(min(2 ** int(math.log2(max(min(image_size) // STEPS, 1))), LARGEST_STEP))


def _rounded(side: float, step: int) -> int:
    return max(round(side / step), 1) * step
