"""The settings that a sweep's commands gave: SPACE.yaml as it was, and the overrides (runs/NAME/given.json).

``--resume`` needs both: it applies the overrides of earlier commands again, unless you have since edited the
same setting in SPACE.yaml.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from platform.config.document import Document, override, read_document
from platform.config.load import LoadedSpace, load_space
from platform.storage.whole_files import read_record, write_whole
from platform.tracking.own_mlflow import name_own
from platform.tracking.tracking_config import TrackingConfig, resolve_uri
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.settings.shortcuts import Shortcuts, key_of, overrides_of
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig


@dataclass(frozen=True)
class GivenSettings:
    """``tree``: the content of SPACE.yaml; ``overrides``: ``key.path=value``, in the order given."""

    tree: dict[str, Any]
    overrides: tuple[str, ...]

    def write(self, folder: SweepFolder) -> None:
        """Write runs/NAME/given.json, whole or not at all."""
        write_whole(folder.given, json.dumps(asdict(self), indent=1))


def given_settings(space: Path, overrides: Sequence[str]) -> GivenSettings:
    """The settings that a command gives; of several overrides of one setting the last counts."""
    last = {key_of(one): place for place, one in enumerate(overrides)}
    return GivenSettings(
        read_document(space).tree, tuple(overrides[place] for place in sorted(last.values()))
    )


def name_in(space: Path, overrides: Sequence[str]) -> str:
    """The name of the sweep that SPACE.yaml describes, before the rest of the file is checked."""
    document = read_document(space)
    for one in overrides:
        if key_of(one) == "name":
            override(document, one)
    name = document.tree.get("name")
    return name if isinstance(name, str) else space.stem


def space_to_resume(
    folder: SweepFolder, space: Path, overrides: Sequence[str], shortcuts: Shortcuts
) -> tuple[LoadedSpace[SweepConfig], GivenSettings]:
    """SPACE.yaml as it is now, with the overrides of earlier commands, then those of this one.

    An earlier override counts only if its setting in SPACE.yaml is unchanged: a later edit replaces it.
    """
    before, now = _read(folder), read_document(space).tree
    earlier = [one for one in before.overrides if _at(before.tree, key_of(one)) == _at(now, key_of(one))]
    every = overrides_of(space, overrides, shortcuts, earlier)
    loaded = load_space(space, SweepConfig, overrides=every, fixed=SWEEP_FIELDS)
    _name_own_mlflow(folder, space, overrides, loaded.first().tracking)
    return loaded, given_settings(space, every)


def _name_own_mlflow(
    folder: SweepFolder, space: Path, overrides: Sequence[str], tracking: TrackingConfig
) -> None:
    """Note the MLflow in use as the user's own if SPACE.yaml or this command, not the folder, names it."""
    is_in_folder = space.resolve().is_relative_to(folder.path.resolve())
    document = Document("command line") if is_in_folder else read_document(space)
    for one in overrides:
        if key_of(one).partition(".")[0] == "tracking":
            override(document, one)
    if tracking.uri is not None and _at(document.tree, "tracking.uri") == tracking.uri:
        name_own(resolve_uri(tracking), remember=True)


def known_space_of(folder: SweepFolder) -> LoadedSpace[SweepConfig]:
    """The space that the sweep has used so far."""
    return load_space(folder.space, SweepConfig, fixed=SWEEP_FIELDS)


def _read(folder: SweepFolder) -> GivenSettings:
    """What was given so far; a sweep without given.json, as of ``--trial``, was given its space.yaml."""
    return read_record(folder.given, GivenSettings) or GivenSettings(read_document(folder.space).tree, ())


def _at(tree: Any, key: str) -> Any:
    """The value at a dotted key, or its nearest parent's if that is no section."""
    for part in key.split("."):
        if isinstance(tree, dict):
            tree = tree.get(part, "not set")
        elif isinstance(tree, list) and part.isdigit() and int(part) < len(tree):
            tree = tree[int(part)]
        else:
            break
    return tree
