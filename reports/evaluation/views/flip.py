"""The mirror image."""

from platform.datasets.image_size import Size
from platform.datasets.batches.prediction_views import Look, View
from platform.training.trial.trial_config import TrialConfig


def views(config: TrialConfig, image_size: Size) -> list[View]:
    return [View(name="flip", looks=(Look(mirrored=True),))]
