"""The mirror image."""

from platform.datasets.image_size import Size
from platform.datasets.looks import Look, View
from platform.training.trial_config import TrialConfig


def views(config: TrialConfig, image_size: Size) -> list[View]:
    return [View(name="flip", looks=(Look(mirrored=True),))]
