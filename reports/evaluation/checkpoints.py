"""Loads the best trials' checkpoints and predicts with them.

Shapes: N samples, C classes.
"""

import hashlib
from pathlib import Path

import torch

from platform.config.errors import UserError
from platform.tracking.records import TrialRecord
from platform.training.checkpoints.description import DESCRIPTION, best_checkpoint
from platform.storage.folder import Folder
from reports.ranking.rank import Mode


class ReportError(UserError):
    """No report can be made of what is there; ``str()`` is one line."""


def find_checkpoint(trials: Folder, trial: TrialRecord, metric: str, mode: Mode) -> Folder:
    """The folder of a trial's best checkpoint: in that of the sweep's ``trials``, which may have been moved
    or copied since MLflow was told of it, else where MLflow says.

    A trial that was interrupted had nobody to write down its best; it is found by its own metrics.

    Raises:
        ReportError: there is none.
    """
    own = trials / trial.trial_id
    if trial.checkpoint is not None:
        recorded = Folder.of(trial.checkpoint)
        for folder in (own / recorded.name, own / "checkpoints" / recorded.name, recorded):
            if folder.has(DESCRIPTION):
                return folder
        raise ReportError(f"trial {trial.trial_id}: its checkpoint {recorded} is gone")
    if trial.was_deleted:
        raise ReportError(f"trial {trial.trial_id}: its checkpoint was deleted to keep storage.max_bytes")
    best = best_checkpoint(own, metric, mode)
    if best is None:
        raise ReportError(f"trial {trial.trial_id}: has no checkpoint")
    return best


def checkpoint_digest(folder: Path) -> str:
    """sha256 of what predicts: the weights and their description, whatever folder they lie in."""
    digest = hashlib.sha256()
    for file in sorted([*folder.glob("*.safetensors"), folder / DESCRIPTION]):
        digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def device() -> str:
    """Where networks predict: on the GPU, if there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"
