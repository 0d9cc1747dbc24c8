"""Load networks, weights and training state from a checkpoint, without a trainer."""

import errno
import json
import pickle
import struct
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_model
from torch import nn

from platform.config.errors import one_line, shortened
from platform.datasets.image_size import Size, as_size
from platform.models.input_size import set_image_size
from platform.models.model_config import ModelConfig
from platform.training.checkpoints.description import (
    DESCRIPTION,
    normalisation_of,
    read_description,
    weights_file,
)
from platform.training.checkpoints.networks import Blueprint, place, rebuild_networks
from platform.training.errors import CheckpointError
from platform.training.evaluation.prediction import Predictor
from platform.training.optimisation.memory_layout import is_channels_last
from platform.training.optimisation.precision import Precision
from platform.training.trial.trial_config import TrialConfig

STATE = "training_state.pt"
"""Holds everything that is neither a network's weights nor in the description."""

DAMAGED = (
    *(pickle.UnpicklingError, BadZipFile, EOFError, struct.error, RuntimeError, AssertionError),
    *(ValueError, TypeError, LookupError, AttributeError, ArithmeticError),
)
"""What torch's own unpickler raises, which runs nothing, for a file that is damaged."""


def load_predictor(
    folder: Path, device: str | torch.device = "cpu", image_size: Size | None = None
) -> Predictor:
    """Load the checkpoint's networks (their moving averages, if there are any), ready to predict.

    ``image_size``: input size; None: that of the last evaluation. Raises :class:`CheckpointError` if the
    checkpoint is broken, ModelError if its networks do not support the size.
    """
    folder = Path(folder)
    description = read_description(folder)
    config, blueprints = _settings(folder, description)
    normalisation = normalisation_of(description)
    classes, size = tuple(description["classes"]), as_size(description["image_size"])
    networks = rebuild_networks(blueprints, len(classes), size, normalisation)
    for number, module in enumerate(networks.modules, start=1):
        read_weights(module, weights_file(folder, description, number))
    if image_size is not None and image_size != size:
        for module, blueprint in zip(networks.modules, blueprints, strict=True):
            set_image_size(module, blueprint.section, image_size)
        size = image_size
    channels_last = is_channels_last(config.channels_last, networks.modules, device)
    placed = [place(module, torch.device(device), channels_last=channels_last) for module in networks.modules]
    return Predictor(
        config,
        classes,
        placed,
        normalisation,
        image_size=size,
        whole=description.get("sees_whole", False),  # older checkpoints do not have it
        precision=_precision(config, description, torch.device(device)),
        channels_last=channels_last,
    )


def _settings(folder: Path, description: dict[str, Any]) -> tuple[TrialConfig, list[Blueprint]]:
    try:
        config = TrialConfig.model_validate_json(json.dumps(description["trial"]))
        blueprints = [
            Blueprint(ModelConfig.model_validate(one["section"]), normalisation_of(one["input"]))
            for one in description["networks"]
        ]
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = shortened(".".join(map(str, first["loc"])))
        raise CheckpointError(
            f"{folder / DESCRIPTION}: of a version with other settings, or broken ({place}: {first['msg']})"
        ) from error
    return config, blueprints


def _precision(config: TrialConfig, description: dict[str, Any], device: torch.device) -> Precision:
    """The precision of the training; what ``auto`` was on a GPU is fp32 on a CPU, which may have no bf16."""
    trained: Precision = description["precision"]
    is_of_a_gpu = description.get("device") == "cuda"  # older checkpoints do not have it
    if config.precision == "auto" and is_of_a_gpu and device.type != "cuda":
        return "fp32"
    return trained


def read_weights(network: nn.Module, path: Path) -> None:
    try:
        load_model(network, str(path))
    except FileNotFoundError:
        raise CheckpointError(f"{path}: is missing") from None
    except (SafetensorError, RuntimeError) as error:
        cause = " ".join(str(error).split())[:200]
        raise CheckpointError(f"{path}: broken, or of another network ({cause})") from error


def read_state(path: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: is missing") from None
    except (*DAMAGED, OSError) as error:
        if (
            isinstance(error, OSError) and error.errno != errno.EINVAL
        ):  # that of a place before the file's start
            raise
        cause = one_line(str(error).partition("\n")[0][:200])
        raise CheckpointError(f"{path}: broken, or holds more than tensors and numbers ({cause})") from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path}: broken: holds no state of a trial")
    return state
