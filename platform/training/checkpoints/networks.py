"""Build a trial's networks, and settle the normalisation of their input."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn

from platform.datasets.image_size import Size
from platform.models.build import build_resolved
from platform.models.model_config import ModelConfig
from platform.models.normalisation import Normalisation, convert_input, expected_normalisation
from platform.models.weights import load_weights
from platform.training.checkpoints.initial_weights import InitialWeights, read_initial_weights
from platform.training.seeding import Purpose, seed_torch
from platform.training.trial.trial_config import TrialConfig


@dataclass(frozen=True)
class Blueprint:
    """All that is needed to rebuild a network, besides its weights.

    ``section`` has no automatic stem any more; ``input``: the normalisation that the network expects.
    """

    section: ModelConfig
    input: Normalisation


@dataclass(frozen=True)
class Networks:
    """Networks whose images are normalised by ``normalisation``; each converts them if it expects another."""

    modules: tuple[nn.Module, ...]
    blueprints: tuple[Blueprint, ...]
    normalisation: Normalisation


def build_networks(config: TrialConfig, classes: int, of_data: Normalisation) -> Networks:
    """Build the trial's networks; the initial weights of each follow from the seed and its number.

    The normalisation is that of the first network with trained weights, or ``of_data`` (mean and deviation of
    the training images) if all networks start afresh. Raises CheckpointError and ModelError for weights that
    do not fit.
    """
    initial = read_initial_weights(config)
    built = []
    for index, section in enumerate(config.models):
        seed_torch(config.seed, Purpose.NETWORK, index)
        weights = initial[index] if initial else None
        built.append(_build(section, weights, classes, config.phases[0].image_size))
    normalisation = next((one.expects for one in built if one.expects is not None), of_data)
    blueprints = [Blueprint(one.section, one.expects or normalisation) for one in built]
    return _fed([one.module for one in built], blueprints, normalisation)


@dataclass(frozen=True)
class _Built:
    module: nn.Module
    section: ModelConfig
    expects: Normalisation | None
    """None if the network starts afresh."""


def _build(section: ModelConfig, initial: InitialWeights | None, classes: int, size: Size) -> _Built:
    if initial is None:
        module, settled = build_resolved(section, classes, size)
        return _Built(module, settled, expected_normalisation(module, settled))
    module, settled = build_resolved(initial.fit(section), classes, size)
    load_weights(module, initial.file)
    # A bare file does not name its normalisation: assume the one that timm publishes for the architecture.
    expects = initial.normalisation or expected_normalisation(
        module, settled.model_copy(update={"weights": str(initial.file)})
    )
    return _Built(module, settled, expects)


def rebuild_networks(
    blueprints: Sequence[Blueprint], classes: int, size: Size, normalisation: Normalisation
) -> Networks:
    """Build networks without weights, to load a checkpoint into."""
    modules = []
    for blueprint in blueprints:
        blank = blueprint.section.model_copy(update={"pretrained": False, "weights": None})
        modules.append(build_resolved(blank, classes, size)[0])
    return _fed(modules, blueprints, normalisation)


def place(module: nn.Module, device: torch.device, *, channels_last: bool) -> nn.Module:
    """Move a network to its device and memory layout."""
    layout = torch.channels_last if channels_last else torch.contiguous_format
    return module.to(device).to(memory_format=layout)


def _fed(
    modules: Sequence[nn.Module], blueprints: Sequence[Blueprint], normalisation: Normalisation
) -> Networks:
    for module, blueprint in zip(modules, blueprints, strict=True):
        convert_input(module, normalisation, blueprint.input)
    return Networks(tuple(modules), tuple(blueprints), normalisation)
