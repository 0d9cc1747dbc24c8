"""The same part of the image at a smaller and a larger input size."""

import math

from platform.datasets.batches.prediction_views import View
from platform.datasets.image_size import LARGEST, SMALLEST, Size
from platform.models.backbones import find_backbone
from platform.training.trial.trial_config import TrialConfig

FACTORS = (0.875, 1.14)
"""Factors of the input's sides. A larger input suits networks trained on random resized crops, which show
objects larger than evaluation does (Touvron et al., Fixing the train-test resolution discrepancy, NeurIPS
2019)."""

STEPS = 8
"""The shorter side has at least this many steps; sizes are rounded to whole steps."""
LARGEST_STEP = 32


def views(config: TrialConfig, image_size: Size) -> list[View]:
    """A view for each factor, its sides rounded to what the trial's backbones take; equal sizes are dropped.

    A backbone with a size multiple above 1 decides the step. For the others it is the largest power of two,
    at most 32, that fits eight times into the shorter side: 192 and 256 for 224, 14 and 18 for 16. Whether a
    network can be resized at all shows when its checkpoint is loaded.
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
