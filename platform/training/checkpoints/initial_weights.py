"""The setting ``init_from``: start from another trial's weights or from a file of weights."""

import json
from dataclasses import dataclass
from pathlib import Path

from platform.models.model_config import ModelConfig
from platform.models.normalisation import Normalisation
from platform.storage.folder import Folder
from platform.training.checkpoints.description import (
    DESCRIPTION,
    normalisation_of,
    read_description,
    weights_file,
)
from platform.training.errors import CheckpointError
from platform.training.trial.trial_config import TrialConfig


@dataclass(frozen=True)
class InitialWeights:
    """Initial weights of one network; ``section`` and ``normalisation`` are None for a bare file."""

    file: Path
    section: ModelConfig | None = None
    normalisation: Normalisation | None = None

    def fit(self, wanted: ModelConfig) -> ModelConfig:
        """The section of the network to load into, with the stem of the trained one.

        Raises CheckpointError if the architectures differ.
        """
        plain = wanted.model_copy(update={"pretrained": False, "weights": None})
        if self.section is None:
            return plain
        if _architecture(self.section) != _architecture(wanted):
            raise CheckpointError(
                f"init_from: {self.file} holds a {_architecture(self.section)}, "
                f"which is not the {_architecture(wanted)} of model.backbone"
            )
        return plain if wanted.stem != "auto" else plain.model_copy(update={"stem": self.section.stem})


def read_initial_weights(config: TrialConfig) -> tuple[InitialWeights, ...]:
    """Initial weights of each of the trial's networks; empty without ``init_from``.

    Network i starts from the checkpoint's network i, or from its last one if it has fewer; from a file, all
    networks start alike. Raises CheckpointError if there are no weights.
    """
    if config.init_from is None:
        return ()
    folder = Folder.of(config.init_from)
    count = len(config.models)
    if folder.local is not None and folder.local.is_file():
        return (InitialWeights(folder.local),) * count
    if not folder.has(DESCRIPTION):
        raise CheckpointError(f"init_from: {folder} is neither a checkpoint's folder nor a file of weights")
    known = _networks_of(folder.fetched())
    return tuple(known[min(place, len(known) - 1)] for place in range(count))


def _networks_of(folder: Path) -> list[InitialWeights]:
    description = read_description(folder)
    return [
        InitialWeights(
            weights_file(folder, description, number),
            ModelConfig.model_validate_json(json.dumps(network["section"])),
            normalisation_of(network["input"]),
        )
        for number, network in enumerate(description["networks"], start=1)
    ]


def _architecture(section: ModelConfig) -> str:
    return section.backbone.partition(".")[0]
