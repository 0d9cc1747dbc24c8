"""Views of an image in which a trial is judged besides that of evaluation; a family of them is a file here.

    views(config, image_size) -> views

``image_size``: of the networks' input in their last evaluation (px). ``report.views`` names families by their
files' names. A new file is a new family; :class:`platform.tuning.settings.sweep_config.ReportConfig` lists what may be
asked for.
"""

import json
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from platform.datasets.image_size import Size, as_size
from platform.datasets.batches.prediction_views import View
from platform.training.checkpoints.description import read_description
from platform.storage.folder import Folder
from platform.training.trial.trial_config import TrialConfig

Views = Callable[[TrialConfig, Size], Sequence[View]]


def families() -> dict[str, Views]:
    """Every family by its file's name."""
    names = sorted(file.stem for file in Path(__file__).parent.glob("[!_]*.py"))
    return {name: import_module(f"{__name__}.{name}").views for name in names}


def views_of(
    config: TrialConfig, image_size: Size, asked: tuple[str, ...] | None
) -> dict[str, Sequence[View]]:
    """The views that a trial is judged in, by family; of one that has none for it an empty list.

    ``asked``: families of them; None: mirror images, where the trial learnt from some, as left and right mean
    nothing then.
    """
    if asked is None:
        learnt_mirrored = any(phase.augment.horizontal_flip > 0 for phase in config.phases)
        asked = ("flip",) if learnt_mirrored else ()
    known = families()
    return {name: known[name](config, image_size) for name in asked}


def seen_by(checkpoint: Folder) -> tuple[TrialConfig, Size]:
    """The trial of a checkpoint, and what size its networks saw images in at last."""
    description = read_description(checkpoint)
    config = TrialConfig.model_validate_json(json.dumps(description["trial"]))
    return config, as_size(description["image_size"])
