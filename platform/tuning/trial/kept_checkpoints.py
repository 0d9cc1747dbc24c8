"""A trial's checkpoints, on this machine or elsewhere: one per epoch, of which the best and last are kept."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from platform.storage.folder import Folder
from platform.training.checkpoints.description import DESCRIPTION, metric_in, read_description
from platform.training.checkpoints.loading import STATE
from platform.training.errors import CheckpointError
from platform.training.loop.trainer import Trainer
from platform.training.loop.trainer_checkpoints import is_whole, save_checkpoint
from platform.tuning.folder.received import own_trials
from platform.tuning.folder.sweep_folder import SweepFolder

CHECKPOINT = "checkpoint_"


@dataclass(frozen=True)
class Keeping:
    """Which checkpoints a sweep keeps of each trial: the ``count`` best by ``metric``, and the last.

    The checkpoint after twelve epochs lies in ``trials``/NAME/checkpoint_000012.
    """

    trials: Folder
    metric: str
    mode: str
    count: int

    def of(self, trial: str) -> "KeptCheckpoints":
        """The checkpoints of the trial with this name."""
        return KeptCheckpoints(self.trials / trial, self)


def keeping_of(folder: SweepFolder, count: int = 1) -> Keeping:
    """Which checkpoints the sweep in ``folder`` keeps; it must have its sweep.json."""
    record = folder.read_record()
    return Keeping(own_trials(folder, record), record.metric, record.mode, count)


@dataclass(frozen=True)
class KeptCheckpoints:
    """One trial's checkpoints, in ``folder``. Methods raise StorageError if it cannot be read or written."""

    folder: Folder
    keeping: Keeping

    @property
    def newest(self) -> Folder | None:
        """The complete checkpoint of the latest epoch."""
        return self.best_and_newest()[1]

    @property
    def best(self) -> Folder | None:
        """The complete checkpoint with the best metric, the latest if several are equal."""
        return self.best_and_newest()[0]

    def best_and_newest(self) -> tuple[Folder | None, Folder | None]:
        """Both, with one listing of the folder."""
        whole = self._whole()
        newest = max(whole, key=lambda one: one.name, default=None)
        return next(iter(self._best_first(whole)), None), newest

    def save(self, trainer: Trainer) -> None:
        """Write the trainer's state after its last epoch, then delete checkpoints that need not be kept.

        For a remote folder it is first written on this machine; there it is complete once its description is
        uploaded, the last of its files.
        """
        latest = self.folder / f"{CHECKPOINT}{trainer.epoch:06d}"
        if latest.local is not None:
            save_checkpoint(latest.local, trainer)
        else:
            with TemporaryDirectory() as drafts:
                draft = Path(drafts) / latest.name
                save_checkpoint(draft, trainer)
                latest.fill(draft, last=DESCRIPTION)
        kept = {latest, *self._best_first(self._whole())[: self.keeping.count]}
        for one in self.folder.folders():  # including drafts of a killed process
            if CHECKPOINT in one.name and one not in kept:
                self.delete(one)

    def sizes(self) -> dict[Folder, int]:
        """All checkpoints in the order of epochs, with their sizes in bytes."""
        return {one: sum(files.values()) for one, files in self._all().items()}

    def delete(self, checkpoint: Folder) -> None:
        """Delete a checkpoint; without its description, which goes first, it counts as incomplete."""
        checkpoint.delete(first=DESCRIPTION)

    def _all(self) -> dict[Folder, dict[str, int]]:
        return {one: files for one, files in self.folder.folders().items() if one.name.startswith(CHECKPOINT)}

    def _whole(self) -> dict[Folder, dict[str, Any]]:
        """The descriptions of the complete checkpoints."""
        whole = {}
        for one, files in self._all().items():
            if description := _description_of(one, files):
                whole[one] = description
        return whole

    def _best_first(self, whole: dict[Folder, dict[str, Any]]) -> list[Folder]:
        sign = 1 if self.keeping.mode == "min" else -1
        latest_first = sorted(whole, key=lambda one: one.name, reverse=True)
        values = {one: sign * metric_in(whole[one], self.keeping.metric) for one in latest_first}
        return sorted((one for one, value in values.items() if value == value), key=values.__getitem__)


def _description_of(checkpoint: Folder, files: dict[str, int]) -> dict[str, Any] | None:
    """None if the checkpoint is incomplete. Remote files are complete or not there at all."""
    if checkpoint.local is not None and not is_whole(checkpoint.local):
        return None
    try:
        description = read_description(checkpoint, ranks=True)
    except CheckpointError:
        return None
    networks = {
        f"network_{number}.safetensors" for number in range(1, len(description.get("networks", [])) + 1)
    }
    return description if {STATE, *networks} <= files.keys() else None
