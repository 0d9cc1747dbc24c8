"""Test-time views: changed versions of an image in which a trial is evaluated; each file is a family.

    views(config, image_size) -> views

``image_size``: the networks' input in their last evaluation (px). ``report.views`` in the YAML names families
by their files' names. A new file is a new family; add its name to
:class:`platform.tuning.settings.sweep_config.ReportConfig`.
"""

import json
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from platform.datasets.batches.prediction_views import View
from platform.datasets.image_size import Size, as_size
from platform.storage.folder import Folder
from platform.training.checkpoints.description import read_description
from platform.training.trial.trial_config import TrialConfig

Views = Callable[[TrialConfig, Size], Sequence[View]]


def families() -> dict[str, Views]:
    """Every family by its file's name."""
    names = sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py"))
    return {name: import_module(f"{__name__}.{name}").views for name in names}


def views_of(
    config: TrialConfig, image_size: Size, asked: tuple[str, ...] | None
) -> dict[str, Sequence[View]]:
    """A trial's views by family; an empty list if the family has none for it.

    ``asked``: names of families; None: mirror images, if the trial was trained with horizontal flips, which
    means that left and right do not matter.
    """
    if asked is None:
        learnt_mirrored = any(phase.augment.horizontal_flip > 0 for phase in config.phases)
        asked = ("flip",) if learnt_mirrored else ()
    known = families()
    return {name: known[name](config, image_size) for name in asked}


def trial_of(checkpoint: Folder) -> tuple[TrialConfig, Size]:
    """The trial's config in a checkpoint, and the size of its networks' input in their last evaluation."""
    description = read_description(checkpoint)
    config = TrialConfig.model_validate_json(json.dumps(description["trial"]))
    return config, as_size(description["image_size"])
