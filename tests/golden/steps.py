"""The first ten step losses of each method on a few digits: what a refactor must reproduce.

    .venv/bin/python -m tests.golden.steps

writes them anew, to be done where a change of the numbers is meant, and said in the commit's message.
"""

import json
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import torch

from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.data import Data
from platform.datasets.preparation.prepare import prepare
from platform.methods import method_names
from platform.training.loop.trainer import Trainer
from platform.training.trial.trial_config import TrialConfig

FILE = Path(__file__).with_name("steps.json")
STEPS = 10


def few_digits() -> Data:
    """64 training and 16 validation digits of 8 px, a third of the training labels wrong."""
    config = DataConfig.model_validate(
        {"source": "digits", "imbalance": 5, "noise": {"kind": "symmetric", "rate": 0.33}}
    )
    data = prepare(config, 8)
    rows = np.sort(np.concatenate([data.rows("train")[:64], data.rows("val")[:16]]))
    return replace(
        data, manifest=data.manifest.iloc[rows].reset_index(drop=True), images=data.images.take(rows)
    )


def step_losses(method: str, data: Data, device: str = "cpu") -> list[list[float]]:
    """The losses of each network in each of the first ten steps."""
    settings = {
        "epochs": 10,
        "batch_size": 16,
        "image_size": 16,
        "model": {"backbone": "test_resnet"},
        "method": {"name": method},
        "optim": {"lr": 0.001, "clip_norm": 5.0},
        "precision": "fp32",
        "channels_last": False,
    }
    trainer = Trainer(TrialConfig.model_validate(settings), data, device=device)
    losses = []
    updates = chain.from_iterable(trainer.stage.updates(epoch) for epoch in range(trainer.config.epochs))
    for batches, _ in zip(updates, range(STEPS), strict=False):
        trainer.epoch, place = divmod(trainer.step, len(trainer.train_loader))
        if place == 0:
            trainer.stage.method.epoch_started(trainer.progress)
        losses.append([loss.item() for loss in trainer.train_step(batches)[0].losses])
    return losses


if __name__ == "__main__":
    torch.set_num_threads(1)
    digits = few_digits()
    FILE.write_text(json.dumps({name: step_losses(name, digits) for name in method_names()}, indent=1) + "\n")
