"""A trial's checkpoints on disk: one an epoch, of which the best and the last are kept."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from platform.training.checkpoints import is_whole, save_checkpoint
from platform.training.description import DESCRIPTION, metric_of
from platform.training.trainer import Trainer
from platform.tuning.sweep_folder import SweepFolder


@dataclass(frozen=True)
class Keeping:
    """What is kept of each trial of a sweep: ``count`` checkpoints best by ``metric``, and the last.

    A trial's lie in ``trials``/NAME/checkpoint_000012: the one after twelve epochs.
    """

    trials: Path
    metric: str
    mode: str
    count: int

    def of(self, trial: str) -> "KeptCheckpoints":
        """Those of the trial of that name."""
        return KeptCheckpoints(self.trials / trial, self)


def keeping_of(folder: SweepFolder, count: int = 1) -> Keeping:
    """What is kept of the trials of a sweep that was opened."""
    record = folder.read_record()
    return Keeping(folder.trials.absolute(), record.metric, record.mode, count)


@dataclass(frozen=True)
class KeptCheckpoints:
    """Those of one trial, in ``folder``."""

    folder: Path
    keeping: Keeping

    @property
    def newest(self) -> Path | None:
        """The checkpoint of the latest epoch, among those that were written whole."""
        whole = [path for path in self._all() if is_whole(path)]
        return max(whole, key=lambda path: path.name, default=None)

    @property
    def best(self) -> Path | None:
        """The checkpoint with the best metric, the latest of several."""
        return next(iter(self._best_first()), None)

    def save(self, trainer: Trainer) -> None:
        """Write the trainer's state after its last epoch, then let go of what need not be kept."""
        latest = self.folder / f"checkpoint_{trainer.epoch:06d}"
        save_checkpoint(latest, trainer)
        kept = {latest, *self._best_first()[: self.keeping.count]}
        for path in self._all():
            if path not in kept:
                (path / DESCRIPTION).unlink(missing_ok=True)  # so that the rest is taken for no checkpoint
                shutil.rmtree(path)

    def _all(self) -> list[Path]:
        return sorted(self.folder.glob("checkpoint_*"))

    def _best_first(self) -> list[Path]:
        sign = 1 if self.keeping.mode == "min" else -1
        whole = [path for path in reversed(self._all()) if is_whole(path)]
        values = {path: sign * metric_of(path, self.keeping.metric) for path in whole}
        return sorted((path for path, value in values.items() if value == value), key=values.__getitem__)
