"""A trial whose process is killed with SIGKILL, and another that goes on from what it left."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from platform.training.loop.trainer import Trainer
from platform.training.loop.trainer_checkpoints import is_whole, restore

ROOT = Path(__file__).parents[3]
EPOCHS = 4
CHILD = """
import sys
import torch
from pathlib import Path
from platform.training.loop.trainer_checkpoints import save_checkpoint
from platform.training.loop.trainer import Trainer
from platform.training.trial.trial_config import TrialConfig
from tests.golden.steps import few_digits

trainer = Trainer(TrialConfig.model_validate_json(sys.argv[1]), few_digits())
while not trainer.is_over:
    trainer.train_epoch()
    save_checkpoint(Path(sys.argv[2]) / f"checkpoint_{trainer.epoch}", trainer)
    print(trainer.epoch, flush=True)
"""
STAGES = {
    "peer_model": {"backbone": "test_vit"},
    "ema": {"decay": 0.9},
    "augment": {"policy": {"name": "trivial_augment_wide"}, "horizontal_flip": 0.0},
    "stages": [
        {"epochs": 1, "trainable": "head"},
        {"epochs": 2},
        {"epochs": 1, "image_size": 32, "restart": False},
    ],
}
RECIPES = {"core": {"method": {"name": "core"}, "epochs": EPOCHS}, "peer in stages": STAGES}
"""What each method keeps is tested in test_trainer_checkpoints.py."""


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_killed_trial_ends_as_one_that_was_not(recipe, make_config, tmp_path, differences, golden_steps):
    config = make_config(**RECIPES[recipe])
    command = [sys.executable, "-c", CHILD, config.model_dump_json(), str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment) as child:
        for line in child.stdout:
            if int(line) == 2:
                child.send_signal(signal.SIGKILL)  # somewhere in its third epoch, or while it writes it down
                break
    assert child.returncode == -signal.SIGKILL

    left = [folder for folder in tmp_path.glob("checkpoint_*") if is_whole(folder)]
    newest = max(left, key=lambda folder: json.loads((folder / "checkpoint.json").read_text())["epoch"])
    data = golden_steps.few_digits()
    resumed = Trainer(config, data)
    restore(newest, resumed)
    assert resumed.epoch >= 2
    whole = Trainer(config, data)
    for trainer in (resumed, whole):
        while not trainer.is_over:
            trainer.train_epoch()
    assert differences(whole.state_dict(), resumed.state_dict()) == []
