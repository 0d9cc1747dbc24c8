"""Checkpoints of a trial: weights as safetensors, the rest in files that load without executing code.

network_1.safetensors      each network's weights
network_1_ema.safetensors  their moving average, if there is one
table_NAME.npy             each table of the method that keeps some
training_state.pt          optimisers, companions of the networks, gradient scaler, ledger of training images
samples.parquet            the ledger as a table: how often each image was dropped, mean loss, prediction
checkpoint.json            config, classes, normalisation, epoch, metrics
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_model

from platform.config.errors import one_line, shortened
from platform.models.weight_files import is_zip
from platform.storage.disk import written_to
from platform.storage.whole_files import whole_folder
from platform.training.checkpoints.description import (
    DESCRIPTION,
    FORMAT,
    read_description,
)
from platform.training.checkpoints.loading import STATE, read_state, read_weights
from platform.training.errors import CheckpointError
from platform.training.loop.trainer import Trainer

SAMPLES = "samples.parquet"
SAVED = ("optimisers", "companions", "scaler", "ledger")
"""The parts of a trainer's state that are in training_state.pt."""
DESCRIBED = ("epoch", "step", "history", "precision", "channels_last")
"""Those that are in checkpoint.json."""
AUTOMATIC = ("precision", "channels_last")
"""Settings of a trial that ``auto`` leaves to the device: a trial keeps what it began with."""


def save_checkpoint(folder: Path, trainer: Trainer) -> None:
    """Write the trial into ``folder``, completely or not at all.

    An older checkpoint of that name, or an empty folder, is replaced. Raises :class:`StorageError` if it
    cannot be written.
    """
    folder = Path(folder)
    with whole_folder(folder) as draft, written_to(folder):
        for number, network in enumerate(trainer.networks, start=1):
            save_model(network, str(draft / f"network_{number}.safetensors"))
        for number, average in enumerate(trainer.averages, start=1):
            save_model(average.network, str(draft / f"network_{number}_ema.safetensors"))
        state = trainer.state_dict()
        torch.save({key: state[key] for key in SAVED}, draft / STATE)
        trainer.tables.save(draft)
        trainer.ledger.table().to_parquet(draft / SAMPLES, index=False)
        (draft / DESCRIPTION).write_text(json.dumps(_describe(trainer), indent=2))


def restore(folder: Path, trainer: Trainer) -> None:
    """Restore ``trainer``, made from the same config and data, to the checkpoint's last epoch.

    Raises :class:`CheckpointError` if the checkpoint is broken or belongs to another trial.
    """
    folder = Path(folder)
    description = _with_layout(read_description(folder))
    _check_same_trial(folder, description, trainer)
    trainer.enter_stage_after(description["epoch"])  # its networks have the checkpoint's image size then
    for number, network in enumerate(trainer.networks, start=1):
        read_weights(network, folder / f"network_{number}.safetensors")
    for number, average in enumerate(trainer.averages, start=1):
        read_weights(average.network, folder / f"network_{number}_ema.safetensors")
    state = read_state(folder / STATE)
    described = {key: description[key] for key in DESCRIBED}
    try:
        tables = trainer.tables.read(folder)
        trainer.load_state_dict(trainer.state_dict() | state | described | {"tables": tables})
    except (RuntimeError, ValueError, TypeError, LookupError, AttributeError) as error:
        cause = one_line(shortened(str(error)))
        raise CheckpointError(f"{folder / STATE}: broken, or of another trial ({cause})") from error


def is_whole(folder: Path) -> bool:
    """Whether all files of a checkpoint have their full length; their content is not read."""
    try:
        description = read_description(folder, ranks=True)
        networks = len(description.get("networks", []))
        for name in description.get("tables", []):
            np.load(folder / f"table_{name}.npy", mmap_mode="r", allow_pickle=False)
        for number in range(1, networks + 1):
            with safe_open(folder / f"network_{number}.safetensors", "pt"):
                pass
    except (CheckpointError, SafetensorError, OSError, ValueError):
        return False
    return networks > 0 and is_zip(folder / STATE)


def _describe(trainer: Trainer) -> dict[str, Any]:
    stage = trainer.stage.config
    return {
        "format": FORMAT,
        "epoch": trainer.epoch,
        "step": trainer.step,
        "metrics": trainer.metrics,
        "history": trainer.history,
        "tables": list(trainer.tables.by_name),
        "precision": trainer.precision,
        "channels_last": trainer.channels_last,
        "device": trainer.device.type,
        "image_size": stage.image_size.as_written(),
        "sees_whole": stage.augment.sees_whole,
    } | _identity(trainer)


def _identity(trainer: Trainer) -> dict[str, Any]:
    """The settings by which a checkpoint is recognised as this trial's."""
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


def _with_layout(description: dict[str, Any]) -> dict[str, Any]:
    """The description, with the memory layout that older checkpoints have among the trial's settings only."""
    return {"channels_last": description["trial"]["channels_last"]} | description


def _check_same_trial(folder: Path, description: dict[str, Any], trainer: Trainer) -> None:
    """What ``auto`` chose may be a fixed value there: the default of an earlier version."""
    own = json.loads(json.dumps(_identity(trainer)))
    own["trial"] |= {key: description["trial"][key] for key in AUTOMATIC if own["trial"][key] == "auto"}
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
