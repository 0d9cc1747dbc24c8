"""A trial with one worker as Tune runs it: a Trainable whose process is reused for the next trial."""

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
from platform.storage.disk import StorageError
from platform.storage.log_file import LogFile
from platform.training.loop.trainer import Trainer
from platform.training.loop.trainer_checkpoints import restore
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.names import trial_name
from platform.tuning.trial.footprint import train_epoch
from platform.tuning.trial.kept_checkpoints import Keeping
from platform.tuning.trial.outcome import FINAL_ALONE, error_text, failure_result, not_kept_result
from platform.tuning.trial.pulse import pulsing


def trial_of(config: dict[str, Any]) -> TrialConfig:
    """The trial that Tune's config describes."""
    return TrialConfig.model_validate_json(json.dumps(config["trial"]))


@dataclass(frozen=True)
class Place:
    """Where a trial's worker runs: its torch device, threads, folder of logs and checkpoints."""

    device: str
    threads: int
    logs: Path
    keeping: Keeping

    @property
    def scratch(self) -> Path | None:
        """Where large tables of a method lie: beside the checkpoints; None if those are elsewhere."""
        return self.keeping.trials.local

    def check(self) -> None:
        """Raise UserError on a machine that does not see the sweep's folder: checkpoints would be lost.

        With a remote storage.path they do not lie in that folder.
        """
        if self.keeping.trials.local is not None and not self.logs.is_dir():
            raise UserError(
                f"{self.logs}: does not exist on the machine {socket.gethostname()}: set --out to a folder "
                "that all machines of the cluster share, or storage.path to a remote one such as s3://…"
            )


class TrialTrainable(tune.Trainable):
    """Runs one :class:`Trainer`, one epoch per step; ``reuse_actors`` keeps imports and data for the next.

    The trial writes its own checkpoints, which Tune does not know. A trial that starts again goes on from its
    newest checkpoint and reports its earlier epochs once more, so that searcher, scheduler and tracking know
    all of them, however old their own state is.
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
        self.trainer = None  # free the last trial's networks before the next ones are built
        self.failure: dict[str, Any] | None = None
        trial, place = trial_of(config), self.place
        self.name = name_of(config)
        self.checkpoints = place.keeping.of(self.name)
        try:
            place.check()
            self.trainer = Trainer(
                trial, self.data, device=place.device, threads=place.threads, scratch=place.scratch
            )
            if newest := self.checkpoints.newest:
                with newest.at_hand() as path:
                    restore(path, self.trainer)
        except StorageError as error:
            self.failure = not_kept_result(str(error))
        except FINAL_ALONE as error:
            self.failure = failure_result(error_text(error), epoch=0)

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
                with pulsing(trainer, self.place.logs, self.name):
                    train_epoch(trainer)
                self.checkpoints.save(trainer)
        except StorageError as error:
            self.failure = not_kept_result(str(error))
            return self.failure
        except FINAL_ALONE as error:
            return failure_result(error_text(error), trainer.epoch)
        result = result_of(trainer, epoch)
        return result | {"done": result["finished"]}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Tune's checkpoint of a paused trial: nearly empty, as the trial finds its own checkpoint again."""
        (Path(checkpoint_dir) / "epoch.txt").write_text(str(self.training_iteration), encoding="utf-8")

    def load_checkpoint(self, checkpoint: str) -> None:  # type: ignore[override]
        """Nothing: the trial was restored when it was set up."""

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self._make_trainer(new_config)
        return True


def name_of(config: Mapping[str, Any]) -> str:
    """The name of the trial that Tune's config describes."""
    return trial_name(config["number"])


def result_of(trainer: Trainer, epoch: int) -> dict[str, Any]:
    """The result that Tune gets of an epoch, counted from 1."""
    finished = epoch == trainer.config.total_epochs
    return {**trainer.history[epoch - 1], "epoch": epoch, "finished": finished}


def log_to(folder: Path) -> None:
    """Write this process's log records to ``folder``/trials.log, if this machine sees the folder."""
    if folder.is_dir():
        layout = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"
        handler = LogFile(folder / "trials.log", layout)
        log = logging.getLogger("platform")
        for before in log.handlers:
            before.close()
        log.handlers[:] = [handler]
        log.setLevel(logging.INFO)
