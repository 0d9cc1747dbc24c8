"""Read and check the YAML of rounds, with the space and the policy that it names."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from platform.config.document import Document, TreePath, dotted
from platform.config.errors import ConfigError, UserError
from platform.config.invocation import not_here
from platform.config.load import LoadedSpace, load_space
from platform.datasets.cleaning.policy import load_policy
from platform.datasets.data_config import DataConfig
from platform.datasets.sources.source import FolderSource, ManifestSource, open_source
from platform.rounds.plan.rounds_config import RoundsConfig
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig

MEASURED = ("val/accuracy", "val/macro_accuracy", "val/loss")
"""Metrics that are a mean over images, so that two rounds can be compared image by image."""
WHATEVER = "a-sweep"
"""Stands for the round that teaches, while the space is checked."""
HOW_LONG = ("name", "rounds", "stop", "state", "out", "address")
"""Settings that may change between two rounds: they decide nothing within one."""


@dataclass(frozen=True)
class LoadedRounds:
    """The rounds and their file; ``first`` and ``later``: the space of round 1, and of all others."""

    file: Path
    config: RoundsConfig
    document: Document
    first: LoadedSpace[SweepConfig] = field(repr=False)
    later: LoadedSpace[SweepConfig] = field(repr=False)

    @property
    def folder(self) -> Path:
        """Of ledger, data and page."""
        return Path(self.config.state) / self.config.name

    @property
    def out(self) -> Path:
        return Path(self.config.out)

    @property
    def data(self) -> DataConfig:
        """What round 1 learns from, and whose splits stay."""
        return self.first.first().data

    def space(self, number: int) -> LoadedSpace[SweepConfig]:
        return self.first if number == 1 else self.later

    @property
    def uses_unlabelled(self) -> bool:
        """Whether every method of the space learns from images without a label, too."""
        corners = self.later.corners()
        return all(phase.method.takes_unlabelled for corner in corners for phase in corner.phases)

    def settings_digest(self, number: int) -> str:
        """SHA-256 of all that decides what a round does, the policy's content included."""
        own = self.config.model_dump(mode="json")
        tree = {key: value for key, value in self.space(number).document.tree.items() if key != "tracking"}
        parts = [{key: value for key, value in own.items() if key not in HOW_LONG}, tree]
        policy = self.config.clean and Path(self.config.clean.policy).read_text(encoding="utf-8")
        return hashlib.sha256(json.dumps([*parts, policy], sort_keys=True).encode()).hexdigest()


def load_rounds(file: Path) -> LoadedRounds:
    """The checked rounds; paths in them are relative to the folder in which the command runs.

    Raises:
        ConfigError: one line for each mistake, in the rounds' YAML or in the space that it names.
    """
    loaded = load_space(file, RoundsConfig)
    document = loaded.document
    if ranges := loaded.space.parameters():
        path = next(known for known in document.marks if dotted(known) == ranges[0].path)
        raise ConfigError.at(
            document.mark(path), ranges[0].path, "is a range: rounds have none, their space has"
        )
    config = loaded.first()
    first = _space(config, config.overrides, document, ("overrides",))
    later = _space(config, (*config.overrides, *config.later), document, ("later",))
    _check_space(config, first, document)
    _check_space(config, later, document)
    if config.distil:
        _check_teacher(config, document)
    if config.clean is not None:
        _check_policy(config.clean.policy, document)
    if config.pseudo_label is not None and config.pseudo_label.folder is not None:
        _check_folder(config.pseudo_label.folder, first.first().data, document)
    return LoadedRounds(file, config, document, first, later)


def _space(
    config: RoundsConfig, overrides: Sequence[str], document: Document, place: TreePath
) -> LoadedSpace[SweepConfig]:
    """The space; its mistakes are told at their place in its file, a missing file's at the rounds'."""
    if not Path(config.space).is_file():
        message = f"there is no space {config.space}{not_here(config.space)}"
        raise ConfigError.at(document.mark(("space",)), "space", message)
    try:
        return load_space(Path(config.space), SweepConfig, overrides=overrides, fixed=SWEEP_FIELDS)
    except ConfigError:
        raise
    except UserError as error:  # an override that is none
        raise ConfigError.at(document.mark(place), dotted(place), str(error)) from None


def _check_space(config: RoundsConfig, space: LoadedSpace[SweepConfig], document: Document) -> None:
    sweep, mark = space.first(), document.mark(("space",))
    if sweep.data.identities is not None:
        message = f"{config.space} has data.identities: rounds are for images with classes"
        raise ConfigError.at(mark, "space", message)
    goal = sweep.search.first
    if goal.metric not in MEASURED:
        message = (
            f"search.metric of {config.space} must be one of {', '.join(MEASURED)}, which two rounds can be "
            f"compared by image by image, got {goal.metric!r}"
        )
        raise ConfigError.at(mark, "space", message)


def _check_teacher(config: RoundsConfig, document: Document) -> None:
    """Raises ConfigError at ``distil`` where a method of the space learns from no teacher."""
    overrides = (*config.overrides, *config.later, f"teacher={WHATEVER}")
    try:
        load_space(Path(config.space), SweepConfig, overrides=overrides, fixed=SWEEP_FIELDS)
    except ConfigError as error:
        words = error.lines[0].rpartition("teacher: ")[2].partition(", so it must be null")[0]
        message = f"must be false with {config.space}: {words}"
        raise ConfigError.at(document.mark(("distil",)), "distil", message) from None


def _check_policy(policy: str, document: Document) -> None:
    """Mistakes of the policy are told at their place in its file."""
    path: TreePath = ("clean", "policy")
    if not Path(policy).is_file():
        message = f"there is no policy {policy}{not_here(policy)}"
        raise ConfigError.at(document.mark(path), dotted(path), message)
    if load_policy(Path(policy)).held_out:
        message = f"{policy} has held_out: true: validation and test must stay as they are between rounds"
        raise ConfigError.at(document.mark(path), dotted(path), message)


def _check_folder(folder: str, data: DataConfig, document: Document) -> None:
    """Images of a folder can stand beside those of a folder or table only, by their absolute paths."""
    path: TreePath = ("pseudo_label", "folder")
    if not Path(folder).is_dir():
        raise ConfigError.at(document.mark(path), dotted(path), f"there is no folder {folder}")
    source = open_source(data.source)
    inner = source.inner if isinstance(source, ManifestSource) else source
    if not isinstance(inner, FolderSource):
        message = f"cannot be added to {data.source}, whose images are no files of their own: unpack it"
        raise ConfigError.at(document.mark(path), dotted(path), message)
