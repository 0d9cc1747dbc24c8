"""A trial's checkpoints, wherever they lie: one an epoch, of which the best and the last are kept."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from platform.training.loop.trainer_checkpoints import is_whole, save_checkpoint
from platform.training.checkpoints.description import DESCRIPTION, metric_in, read_description
from platform.training.errors import CheckpointError
from platform.storage.folder import Folder
from platform.training.checkpoints.loading import STATE
from platform.training.loop.trainer import Trainer
from platform.tuning.folder.sweep_folder import SweepFolder

CHECKPOINT = "checkpoint_"


@dataclass(frozen=True)
class Keeping:
    """What is kept of each trial of a sweep: ``count`` checkpoints best by ``metric``, and the last.

    A trial's lie in ``trials``/NAME/checkpoint_000012: the one after twelve epochs.
    """

    trials: Folder
    metric: str
    mode: str
    count: int

    def of(self, trial: str) -> "KeptCheckpoints":
        """Those of the trial of that name."""
        return KeptCheckpoints(self.trials / trial, self)


def keeping_of(folder: SweepFolder, count: int = 1) -> Keeping:
    """What is kept of the trials of a sweep that was opened."""
    record = folder.read_record()
    return Keeping(record.trials_in(Folder.of(folder.path)), record.metric, record.mode, count)


@dataclass(frozen=True)
class KeptCheckpoints:
    """Those of one trial, in ``folder``. Methods raise StorageError where it cannot be read or written."""

    folder: Folder
    keeping: Keeping

    @property
    def newest(self) -> Folder | None:
        """The checkpoint of the latest epoch, among those that were written whole."""
        return self.best_and_newest()[1]

    @property
    def best(self) -> Folder | None:
        """The checkpoint with the best metric, the latest of several."""
        return self.best_and_newest()[0]

    def best_and_newest(self) -> tuple[Folder | None, Folder | None]:
        """Both, by one look at what is there."""
        whole = self._whole()
        newest = max(whole, key=lambda one: one.name, default=None)
        return next(iter(self._best_first(whole)), None), newest

    def save(self, trainer: Trainer) -> None:
        """Write the trainer's state after its last epoch, then let go of what need not be kept.

        Somewhere else than on this machine it is written here first: it is whole there once its description
        is, the last of its files.
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
        for one in self.folder.folders():  # drafts of a killed process among them
            if CHECKPOINT in one.name and one not in kept:
                self.delete(one)

    def sizes(self) -> dict[Folder, int]:
        """All that is there, in the order of epochs, with the bytes that each takes."""
        return {one: sum(files.values()) for one, files in self._all().items()}

    def delete(self, checkpoint: Folder) -> None:
        """Let go of one; from the first moment on it is taken for none."""
        checkpoint.delete(first=DESCRIPTION)

    def _all(self) -> dict[Folder, dict[str, int]]:
        return {one: files for one, files in self.folder.folders().items() if one.name.startswith(CHECKPOINT)}

    def _whole(self) -> dict[Folder, dict[str, Any]]:
        """The descriptions of those that were written whole."""
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
    """None of one that is not whole. Elsewhere than on this machine a file is there whole or not at all."""
    if checkpoint.local is not None and not is_whole(checkpoint.local):
        return None
    try:
        description = read_description(checkpoint)
    except CheckpointError:
        return None
    networks = {f"network_{number}.safetensors" for number in range(1, len(description["networks"]) + 1)}
    return description if {STATE, *networks} <= files.keys() else None
