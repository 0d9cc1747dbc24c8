"""A trial on disk: weights as safetensors, the rest loadable without executing anything.

network_1.safetensors      each network's weights
network_1_ema.safetensors  their moving average, where there is one: what predicts
training_state.pt          optimisers, what learns beside the networks, gradient scaler, what is known of each
                           training image
samples.parquet            the latter as a table, for people: how often dropped, mean loss, prediction
checkpoint.json            config, classes, normalisation, epoch, metrics
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any
from zipfile import is_zipfile

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_model

from platform.training.checkpoints.description import (
    DESCRIPTION,
    FORMAT,
    read_description,
)
from platform.storage.disk import written_to
from platform.training.errors import CheckpointError
from platform.training.checkpoints.loading import STATE, read_state, read_weights
from platform.training.loop.trainer import Trainer

SAMPLES = "samples.parquet"
SAVED = ("optimisers", "companions", "scaler", "ledger")
"""The parts of a trainer's state that are in training_state.pt."""
DESCRIBED = ("epoch", "step", "history", "precision")
"""Those that are in checkpoint.json."""


def save_checkpoint(folder: Path, trainer: Trainer) -> None:
    """Write the trial into ``folder``, which is there afterwards in full or not at all.

    An older checkpoint of that name, or an empty folder, is replaced. Raises :class:`StorageError` where the
    disk does not take it.
    """
    folder = Path(folder)
    with _written_at_once(folder) as draft, written_to(folder):
        for number, network in enumerate(trainer.networks, start=1):
            save_model(network, str(draft / f"network_{number}.safetensors"))
        for number, average in enumerate(trainer.averages, start=1):
            save_model(average.network, str(draft / f"network_{number}_ema.safetensors"))
        state = trainer.state_dict()
        torch.save({key: state[key] for key in SAVED}, draft / STATE)
        trainer.ledger.table().to_parquet(draft / SAMPLES, index=False)
        (draft / DESCRIPTION).write_text(json.dumps(_describe(trainer), indent=2))


def restore(folder: Path, trainer: Trainer) -> None:
    """Let ``trainer``, made from the same config and data, go on after the checkpoint's last epoch.

    Raises :class:`CheckpointError` if the checkpoint is broken or of another trial.
    """
    folder = Path(folder)
    description = read_description(folder)
    _check_same_trial(folder, description, trainer)
    trainer.enter_stage_after(description["epoch"])  # its networks have the checkpoint's image size then
    for number, network in enumerate(trainer.networks, start=1):
        read_weights(network, folder / f"network_{number}.safetensors")
    for number, average in enumerate(trainer.averages, start=1):
        read_weights(average.network, folder / f"network_{number}_ema.safetensors")
    state = read_state(folder / STATE)
    trainer.load_state_dict(trainer.state_dict() | state | {key: description[key] for key in DESCRIBED})


def is_whole(folder: Path) -> bool:
    """Whether all of a checkpoint's files are there at their full length; their content is not read."""
    try:
        networks = range(1, len(read_description(folder)["networks"]) + 1)
        for number in networks:
            with safe_open(folder / f"network_{number}.safetensors", "pt"):
                pass
    except (CheckpointError, SafetensorError, OSError):
        return False
    return is_zipfile(folder / STATE)


def _describe(trainer: Trainer) -> dict[str, Any]:
    stage = trainer.stage.config
    return {
        "format": FORMAT,
        "epoch": trainer.epoch,
        "step": trainer.step,
        "metrics": trainer.metrics,
        "history": trainer.history,
        "precision": trainer.precision,
        "image_size": stage.image_size.as_written(),
        "sees_whole": stage.augment.sees_whole,
    } | _identity(trainer)


def _identity(trainer: Trainer) -> dict[str, Any]:
    """What tells that a checkpoint is of this trial."""
    return {
        "trial": trainer.config.model_dump(mode="json"),
        "classes": trainer.data.classes,
        "mean": trainer.normalisation.mean,
        "std": trainer.normalisation.std,
        "networks": [
            {"section": blueprint.section.model_dump(), "input": asdict(blueprint.input)}
            for blueprint in trainer.blueprints
        ],
        "data_digest": trainer.data.digest,
    }


def _check_same_trial(folder: Path, description: dict[str, Any], trainer: Trainer) -> None:
    own = json.loads(json.dumps(_identity(trainer)))
    for key in own:
        if own[key] != description[key]:
            difference = _first_difference(description[key], own[key], key)
            raise CheckpointError(f"{folder}: of another trial: {difference}")


def _first_difference(there: Any, here: Any, path: str) -> str:
    if isinstance(there, dict) and isinstance(here, dict):
        for key in sorted(there.keys() | here.keys()):
            if there.get(key) != here.get(key):
                return _first_difference(there.get(key), here.get(key), f"{path}.{key}")
    return f"{path} is {there!r} there and {here!r} here"


@contextmanager
def _written_at_once(folder: Path) -> Iterator[Path]:
    """A new folder beside ``folder`` that takes its place when all is written and on disk."""
    draft = folder.with_name(f".{folder.name}.{os.getpid()}.draft")
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        yield draft
        for path in (*draft.iterdir(), draft):
            _sync(path)
        if folder.exists():
            folder.rename(old)
        draft.rename(folder)
        _sync(folder.parent)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
