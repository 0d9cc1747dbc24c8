"""What a checkpoint holds, read without the trainer that wrote it."""

import json
import pickle
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import torch
from safetensors import SafetensorError
from safetensors.torch import load_model
from torch import nn

from platform.datasets.image_size import Size, as_size
from platform.models.input_size import set_image_size
from platform.models.model_config import ModelConfig
from platform.training.checkpoints.description import normalisation_of, read_description, weights_file
from platform.training.errors import CheckpointError
from platform.training.checkpoints.networks import Blueprint, place, rebuild_networks
from platform.training.evaluation.prediction import Predictor
from platform.training.trial.trial_config import TrialConfig

STATE = "training_state.pt"
"""The file of all that is neither a network nor in the description."""


def load_predictor(
    folder: Path, device: str | torch.device = "cpu", image_size: Size | None = None
) -> Predictor:
    """The checkpoint's networks (their moving averages, where there are any), ready to predict.

    ``image_size``: another input than that of its last evaluation; None: that one. Raises
    :class:`CheckpointError` if the checkpoint is broken, ModelError for a size that its networks cannot be
    brought to.
    """
    folder = Path(folder)
    description = read_description(folder)
    config = TrialConfig.model_validate_json(json.dumps(description["trial"]))
    blueprints = [
        Blueprint(ModelConfig.model_validate(one["section"]), normalisation_of(one["input"]))
        for one in description["networks"]
    ]
    normalisation = normalisation_of(description)
    classes, size = tuple(description["classes"]), as_size(description["image_size"])
    networks = rebuild_networks(blueprints, len(classes), size, normalisation)
    for number, module in enumerate(networks.modules, start=1):
        read_weights(module, weights_file(folder, description, number))
    if image_size is not None and image_size != size:
        for module, blueprint in zip(networks.modules, blueprints, strict=True):
            set_image_size(module, blueprint.section, image_size)
        size = image_size
    placed = [
        place(module, torch.device(device), channels_last=config.channels_last) for module in networks.modules
    ]
    return Predictor(
        config,
        classes,
        placed,
        normalisation,
        image_size=size,
        whole=description.get("sees_whole", False),  # it is not there where no trial saw whole images yet
        precision=description["precision"],
    )


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
    except (pickle.UnpicklingError, RuntimeError, EOFError, BadZipFile) as error:
        cause = str(error).partition("\n")[0][:200]
        raise CheckpointError(f"{path}: broken, or holds more than tensors and numbers ({cause})") from error
    return state
