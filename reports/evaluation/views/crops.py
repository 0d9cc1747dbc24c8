"""Five crops of the image: its corners and its centre."""

from typing import get_args

from platform.datasets.batches.prediction_views import Corner, Crop, View
from platform.datasets.image_size import Size
from platform.training.trial.trial_config import TrialConfig


def views(config: TrialConfig, image_size: Size) -> list[View]:
    """One view of five crops, which costs five passes."""
    return [View(name="crops", crops=tuple(Crop(window=one) for one in get_args(Corner)))]
