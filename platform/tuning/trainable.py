"""One trial as Tune runs it with one worker: a class Trainable whose process is kept for the next trial."""

import json
from pathlib import Path
from typing import Any

import torch
from ray import tune

from platform.datasets.data import Data
from platform.training.checkpoints import restore, save_checkpoint
from platform.training.trainer import Trainer
from platform.training.trial_config import TrialConfig


class TrialTrainable(tune.Trainable):
    """Calls one :class:`Trainer`, an epoch a step; with ``reuse_actors`` imports and data stay warm."""

    def setup(self, config: dict[str, Any], data: Data | None = None, threads: int = 1) -> None:
        if data is None:
            raise ValueError("the trial was started without its data")
        self.data = data
        self.threads = threads
        self.trainer = self._make_trainer(config)

    def _make_trainer(self, config: dict[str, Any]) -> Trainer:
        device = "cuda" if torch.cuda.is_available() else "cpu"
        trial = TrialConfig.model_validate_json(json.dumps(config["trial"]))
        return Trainer(trial, self.data, device=device, threads=self.threads)

    def step(self) -> dict[str, Any]:
        metrics: dict[str, Any] = self.trainer.train_epoch()
        is_finished = self.trainer.epoch >= self.trainer.config.epochs
        return {**metrics, "epoch": self.trainer.epoch, "finished": is_finished, "done": is_finished}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        save_checkpoint(Path(checkpoint_dir), self.trainer)

    def load_checkpoint(self, checkpoint: str) -> None:  # type: ignore[override]
        restore(Path(checkpoint), self.trainer)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        self.trainer = self._make_trainer(new_config)
        return True
