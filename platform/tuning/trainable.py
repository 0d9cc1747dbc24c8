"""One trial as Tune runs it with one worker: a class Trainable whose process is kept for the next trial."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.result import SHOULD_CHECKPOINT

from platform.datasets.data import Data
from platform.training.checkpoints import is_whole, restore, save_checkpoint
from platform.training.errors import CheckpointError
from platform.training.trainer import Trainer
from platform.training.trial_config import TrialConfig
from platform.tuning.footprint import with_footprint
from platform.tuning.outcome import FINAL_ALONE, failure_result


def trial_of(config: dict[str, Any]) -> TrialConfig:
    """The trial that a config as Tune passes it on describes."""
    return TrialConfig.model_validate_json(json.dumps(config["trial"]))


@dataclass(frozen=True)
class Place:
    """Where a trial's worker runs: a torch device, threads, and the folder for what it has to say."""

    device: str
    threads: int
    logs: Path


class TrialTrainable(tune.Trainable):
    """Calls one :class:`Trainer`, an epoch a step; with ``reuse_actors`` imports and data stay warm."""

    def setup(self, config: dict[str, Any], data: Data | None = None, place: Place | None = None) -> None:
        if data is None or place is None:
            raise ValueError("the trial was started without its data or its place")
        self.data = data
        self.place = place
        log_to(place.logs)
        self.trainer: Trainer | None = None
        self._make_trainer(config)

    def _make_trainer(self, config: dict[str, Any]) -> None:
        self.trainer = None  # the last trial's networks make room before the next one's are built
        self.failure: dict[str, Any] | None = None
        trial, place = trial_of(config), self.place
        try:
            self.trainer = Trainer(trial, self.data, device=place.device, threads=place.threads)
        except FINAL_ALONE as error:
            self.failure = failure_result(error, epoch=0)

    @property
    def _trainer(self) -> Trainer:
        if self.trainer is None:
            raise RuntimeError("the trial was used after its networks could not be built")
        return self.trainer

    def step(self) -> dict[str, Any]:
        if self.failure is not None:
            return self.failure
        trainer = self._trainer
        try:
            # A trial that was stopped between its last epoch and the news of it has nothing left to train.
            over = trainer.is_over
            metrics = trainer.metrics if over else with_footprint(trainer.train_epoch, trainer.device)
        except FINAL_ALONE as error:
            return failure_result(error, trainer.epoch)
        return result_of(trainer, metrics) | {"done": trainer.is_over, SHOULD_CHECKPOINT: True}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        save_checkpoint(Path(checkpoint_dir), self._trainer)

    def restore(self, checkpoint_path: Any) -> None:
        """Restore a trial of a resumed sweep, from a later epoch than Tune remembers where it has to be.

        Tune deletes a checkpoint as soon as a newer one is there, but saves its own state seconds later: a
        driver that was killed in between remembers a checkpoint that is gone.
        """
        remembered = Path(checkpoint_path.checkpoint.path)
        newest = None if remembered.exists() else newest_checkpoint(remembered.parent)
        if newest is None:
            super().restore(checkpoint_path)
        else:
            super().restore(str(newest))
            self._iteration = self._trainer.epoch  # an epoch a step; a bare path does not say which

    def load_checkpoint(self, checkpoint: str) -> None:  # type: ignore[override]
        try:
            restore(Path(checkpoint), self._trainer)
        except CheckpointError as error:
            self.failure = failure_result(error, epoch=0)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._make_trainer(new_config)
        return True


def result_of(trainer: Trainer, metrics: Mapping[str, float]) -> dict[str, Any]:
    """An epoch as Tune is told of it."""
    return {**metrics, "epoch": trainer.epoch, "finished": trainer.is_over}


def newest_checkpoint(folder: Path) -> Path | None:
    """A trial's checkpoint of the latest epoch, among those that were written whole."""
    whole = [path for path in folder.glob("checkpoint_*") if is_whole(path)]
    return max(whole, key=lambda path: path.name, default=None)


def log_to(folder: Path) -> None:
    """Keep what our code says in this process beside the sweep, where this node can see its folder."""
    if folder.is_dir():
        handler = logging.FileHandler(folder / "trials.log", encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"))
        log = logging.getLogger("platform")
        for before in log.handlers:
            before.close()
        log.handlers[:] = [handler]
        log.setLevel(logging.INFO)
