"""One trial as Tune runs it with one worker: a class Trainable whose process is kept for the next trial."""

import json
import logging
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray import tune

from platform.config.errors import UserError
from platform.datasets.preparation.data import Data
from platform.training.loop.trainer_checkpoints import restore
from platform.storage.disk import StorageError
from platform.training.loop.trainer import Trainer
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.trial.footprint import train_epoch
from platform.tuning.trial.kept_checkpoints import Keeping
from platform.tuning.names import trial_name
from platform.tuning.trial.outcome import FINAL_ALONE, failure_result, not_kept


def trial_of(config: dict[str, Any]) -> TrialConfig:
    """The trial that a config as Tune passes it on describes."""
    return TrialConfig.model_validate_json(json.dumps(config["trial"]))


@dataclass(frozen=True)
class Place:
    """Where a trial's worker runs: a torch device, threads, folders for what it says and for checkpoints."""

    device: str
    threads: int
    logs: Path
    keeping: Keeping

    def check(self) -> None:
        """Raise UserError on a machine that does not see the sweep's folder: checkpoints would be lost.

        Where storage.path is on another file system, they are not in it.
        """
        if self.keeping.trials.local is not None and not self.logs.is_dir():
            raise UserError(
                f"{self.logs}: is not there on the machine {socket.gethostname()}: --out must name a folder "
                "that all machines of the cluster see, or storage.path one such as s3://…"
            )


class TrialTrainable(tune.Trainable):
    """Calls one :class:`Trainer`, an epoch a step; with ``reuse_actors`` imports and data stay warm.

    The trial's checkpoints are its own: Tune, which saves what it knows seconds later, need not know of them.
    Wherever a trial starts again it goes on from its newest one, and tells of the epochs before once more, so
    that searcher, scheduler and tracking have seen all of them however old what they knew was.
    """

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
        self.checkpoints = place.keeping.of(name_of(config))
        try:
            place.check()
            self.trainer = Trainer(trial, self.data, device=place.device, threads=place.threads)
            if newest := self.checkpoints.newest:
                with newest.at_hand() as path:
                    restore(path, self.trainer)
        except StorageError as error:
            self.failure = not_kept(str(error))
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
        trainer, epoch = self._trainer, self.training_iteration + 1
        try:
            if epoch > trainer.epoch:
                train_epoch(trainer)
                self.checkpoints.save(trainer)
        except StorageError as error:
            self.failure = not_kept(str(error))
            return self.failure
        except FINAL_ALONE as error:
            return failure_result(error, trainer.epoch)
        result = result_of(trainer, epoch)
        return result | {"done": result["finished"]}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """What Tune keeps of a trial that it pauses: nothing, the trial finds its own again."""
        (Path(checkpoint_dir) / "epoch.txt").write_text(str(self.training_iteration), encoding="utf-8")

    def load_checkpoint(self, checkpoint: str) -> None:  # type: ignore[override]
        """Done when the trial was set up."""

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._make_trainer(new_config)
        return True


def name_of(config: Mapping[str, Any]) -> str:
    """The name of the trial that a config as Tune passes it on describes."""
    return trial_name(config["number"])


def result_of(trainer: Trainer, epoch: int) -> dict[str, Any]:
    """An epoch that is done, from 1, as Tune is told of it."""
    finished = epoch == trainer.config.total_epochs
    return {**trainer.history[epoch - 1], "epoch": epoch, "finished": finished}


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
