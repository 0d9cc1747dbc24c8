"""Five windows of the image: its corners and its centre."""

from typing import get_args

from platform.datasets.image_size import Size
from platform.datasets.batches.prediction_views import Corner, Look, View
from platform.training.trial.trial_config import TrialConfig


def views(config: TrialConfig, image_size: Size) -> list[View]:
    """One view of five looks (:class:`platform.datasets.batches.prediction_views.Look`), which costs five passes."""
    return [View(name="crops", looks=tuple(Look(window=one) for one in get_args(Corner)))]
