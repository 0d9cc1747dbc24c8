"""The part of ``tests.benchmarks.gpu`` that checks exactness: golden steps, and a killed and resumed trial.

On a GPU both run in processes of their own, with deterministic kernels and without TF32, which must be chosen
before CUDA starts:

    python -m tests.benchmarks.gpu_exactness golden --device cuda
    python -m tests.benchmarks.gpu_exactness resume --device cuda
    python -m tests.benchmarks.gpu_exactness train --device cuda --folder FOLDER     what resume kills
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from platform.methods import method_names
from platform.training.loop.trainer import Trainer
from platform.training.loop.trainer_checkpoints import is_whole, restore, save_checkpoint
from platform.training.trial.trial_config import TrialConfig
from tests.golden.steps import FILE, few_digits, step_losses

ROOT = Path(__file__).resolve().parents[2]
EXACTLY = {"CUBLAS_WORKSPACE_CONFIG": ":4096:8", "NVIDIA_TF32_OVERRIDE": "0"}
EPOCHS, KILLED_AFTER = 4, 2
EARLY_STEPS = 4
TOLERANCES = {"first 4 steps": 1e-4, "10 steps": 5e-3}
"""Relative differences that golden losses may have: batch norm over 16 images multiplies the last bit in
which two devices differ tenfold a step."""


@dataclass(frozen=True)
class Exactness:
    """What a check found: ``measured`` in words, and whether it is as it must be."""

    name: str
    measured: str
    is_exact: bool


def check(name: str, device: str) -> list[Exactness]:
    """Run a check: on a GPU in a process of its own."""
    if device == "cpu":
        return CHECKS[name](device)
    command = [sys.executable, "-m", "tests.benchmarks.gpu_exactness", name, "--device", device]
    environment = os.environ | EXACTLY | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    if done.returncode:
        return [Exactness(name, done.stderr.strip().splitlines()[-1], False)]
    return [Exactness(**one) for one in json.loads(done.stdout.splitlines()[-1])]


def golden(device: str) -> list[Exactness]:
    """The losses of each method's first ten steps against those recorded on a CPU.

    On a CPU one method is enough: the suite has a test of each.
    """
    recorded, data = json.loads(FILE.read_text()), few_digits()
    found = []
    for method in method_names() if device == "cuda" else ("peer",):
        differences = [
            max(abs(here / there - 1) for here, there in zip(*pair, strict=True))
            for pair in zip(step_losses(method, data, device), recorded[method], strict=True)
        ]
        worst = dict(zip(TOLERANCES, (max(differences[:EARLY_STEPS]), max(differences)), strict=True))
        said = ", ".join(f"{value:.1e} in the {name}" for name, value in worst.items())
        is_exact = all(value <= TOLERANCES[name] for name, value in worst.items())
        found.append(Exactness(f"golden steps, {method}", f"at most {said} (relative)", is_exact))
    return found


def resume(device: str) -> list[Exactness]:
    """A trial that is killed with SIGKILL and resumed, against one that ran through."""
    unbroken = make_trainer(device)
    while not unbroken.is_over:
        unbroken.train_epoch()
    with tempfile.TemporaryDirectory() as folder:
        kill_one(device, Path(folder))
        resumed = make_trainer(device)
        newest = max(filter(is_whole, Path(folder).glob("checkpoint_*")), key=lambda one: one.name)
        restore(newest, resumed)
        gone_on = resumed.epoch
        while not resumed.is_over:
            resumed.train_epoch()
    worst = max(
        (mine.double() - other.double()).abs().max().item()
        for one, another in zip(unbroken.networks, resumed.networks, strict=True)
        for mine, other in zip(one.state_dict().values(), another.state_dict().values(), strict=True)
    )
    said = "bit for bit" if worst == 0 else f"weights differ by {worst:.1e} at most"
    return [Exactness(f"killed, resumed after epoch {gone_on} of {EPOCHS}", said, worst == 0)]


def make_trainer(device: str) -> Trainer:
    settings = {
        "epochs": EPOCHS,
        "batch_size": 16,
        "image_size": 16,
        "model": {"backbone": "test_resnet"},
        "method": {"name": "peer", "ramp_epochs": 2},
    }
    return Trainer(TrialConfig.model_validate(settings), few_digits(), device=device)


def kill_one(device: str, folder: Path) -> None:
    """Train in a process of its own, and kill it in its third epoch."""
    command = [sys.executable, "-m", "tests.benchmarks.gpu_exactness", "train"]
    command += ["--device", device, "--folder", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for line in child.stdout:
            if int(line) == KILLED_AFTER:
                child.send_signal(signal.SIGKILL)
                break


def train(device: str, folder: Path) -> None:
    """Train with a checkpoint an epoch, and print the number of each."""
    trainer = make_trainer(device)
    while not trainer.is_over:
        trainer.train_epoch()
        save_checkpoint(folder / f"checkpoint_{trainer.epoch}", trainer)
        print(trainer.epoch, flush=True)


CHECKS = {"golden": golden, "resume": resume}


def run() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=(*CHECKS, "train"))
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--folder", type=Path)
    options = parser.parse_args()
    torch.use_deterministic_algorithms(True, warn_only=True)
    if options.device == "cpu":
        torch.set_num_threads(1)
    if options.what == "train":
        train(options.device, options.folder)
        return
    print(json.dumps([asdict(one) for one in CHECKS[options.what](options.device)]))


if __name__ == "__main__":
    run()
