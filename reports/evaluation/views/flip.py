"""The mirror image."""

from platform.datasets.batches.prediction_views import Crop, View
from platform.datasets.image_size import Size
from platform.training.trial.trial_config import TrialConfig


def views(config: TrialConfig, image_size: Size) -> list[View]:
    return [View(name="flip", crops=(Crop(mirrored=True),))]
