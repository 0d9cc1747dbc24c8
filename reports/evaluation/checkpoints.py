"""Finds a trial's best checkpoint, and identifies it by a digest."""

import hashlib
from pathlib import Path

import torch

from platform.config.errors import UserError
from platform.storage.folder import Folder
from platform.tracking.records import TrialRecord
from platform.training.checkpoints.description import DESCRIPTION, best_checkpoint
from platform.tuning.folder.received import belongs
from reports.ranking.rank import Mode


class ReportError(UserError):
    """A report cannot be made or used with the files that are there; ``str()`` is one line."""


def find_checkpoint(trials: Folder, trial: TrialRecord, metric: str, mode: Mode) -> Folder:
    """The folder of a trial's best checkpoint.

    It is looked for among the sweep's ``trials``, which may have been moved or copied since, and then at the
    place that MLflow records, if that is of this sweep: a stranger's record may name any checkpoint. An
    interrupted trial has no record of its best checkpoint; it is found by the metrics in the checkpoints.

    Raises:
        ReportError: there is no checkpoint.
    """
    own = trials / trial.trial_id
    if trial.checkpoint is not None:
        recorded = Folder.of(trial.checkpoint)
        for folder in (own / recorded.name, own / "checkpoints" / recorded.name, recorded):
            if (folder != recorded or belongs(recorded, trials)) and folder.has(DESCRIPTION):
                return folder
        raise ReportError(f"trial {trial.trial_id}: its checkpoint {recorded} is gone")
    if trial.was_deleted:
        raise ReportError(f"trial {trial.trial_id}: its checkpoint was deleted to keep storage.max_bytes")
    best = best_checkpoint(own, metric, mode)
    if best is None:
        raise ReportError(f"trial {trial.trial_id}: has no checkpoint")
    return best


def checkpoint_digest(folder: Path) -> str:
    """SHA-256 of the weights and their description, whatever folder they lie in."""
    digest = hashlib.sha256()
    for file in sorted([*folder.glob("*.safetensors"), folder / DESCRIPTION]):
        digest.update(f"{file.name}\0{file.stat().st_size}\0".encode())
        with file.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()


def device() -> str:
    """The device that predicts: the GPU, if there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"
