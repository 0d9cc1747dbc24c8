"""What the commands of a sweep have given: SPACE.yaml as it stood, and the overrides laid over it.

A resumed sweep keeps the overrides of earlier commands, which nobody types again, and goes by what has been
changed in SPACE.yaml since: kept in runs/NAME/given.json, both can be told apart.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platform.config.document import override, read_document
from platform.config.errors import UserError
from platform.config.load import LoadedSpace, load_space
from platform.tuning.settings.sweep_config import SWEEP_FIELDS, SweepConfig
from platform.tuning.folder.sweep_folder import SweepFolder

TRIALS, BUDGET = "search.trials", "search.budget"


@dataclass(frozen=True)
class Given:
    """``tree``: all that SPACE.yaml said; ``overrides``: ``key.path=value``, in the order they were given."""

    tree: dict[str, Any]
    overrides: tuple[str, ...]

    def write(self, folder: SweepFolder) -> None:
        """Whole, or not at all."""
        draft = folder.given.with_suffix(".tmp")
        with draft.open("w", encoding="utf-8") as file:
            json.dump({"tree": self.tree, "overrides": list(self.overrides)}, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(folder.given)


def given(space: Path, overrides: Sequence[str]) -> Given:
    """What a command gives: of several overrides of one setting the last."""
    last = {_key(one): place for place, one in enumerate(overrides)}
    return Given(read_document(space).tree, tuple(overrides[place] for place in sorted(last.values())))


def name_in(space: Path, overrides: Sequence[str]) -> str:
    """The name of the sweeps of SPACE.yaml, which is checked later: what a sweep is resumed by."""
    document = read_document(space)
    for one in overrides:
        if _key(one) == "name":
            override(document, one)
    name = document.tree.get("name")
    return name if isinstance(name, str) else space.stem


def overrides_of(
    space: Path, overrides: Sequence[str], *, trials: str | None, budget: str | None
) -> list[str]:
    """``overrides`` with ``--trials`` and ``--budget``, which leaves a budget's other limits as they are."""
    found = list(overrides)
    if trials is not None:
        found.append(f"{TRIALS}={trials}")
    if budget is not None:
        search = read_document(space).tree.get("search")
        is_section = isinstance(search, dict) and isinstance(search.get("budget"), dict)
        is_section = is_section or any(_key(one).startswith(f"{BUDGET}.") for one in overrides)
        found.append(f"{BUDGET}.time={budget}" if is_section else f"{BUDGET}={budget}")
    return found


def space_to_resume(
    folder: SweepFolder, space: Path, overrides: Sequence[str], *, trials: str | None, budget: str | None
) -> tuple[LoadedSpace[SweepConfig], Given]:
    """SPACE.yaml as it stands, with the overrides of this command after those of earlier ones.

    Of the latter those hold whose place in SPACE.yaml is as it was: what has been edited since is meant.
    """
    before, now = _read(folder), read_document(space).tree
    earlier = [one for one in before.overrides if _at(before.tree, _key(one)) == _at(now, _key(one))]
    every = overrides_of(space, [*earlier, *overrides], trials=trials, budget=budget)
    return load_space(space, SweepConfig, overrides=every, fixed=SWEEP_FIELDS), given(space, every)


def known_space_of(folder: SweepFolder) -> LoadedSpace[SweepConfig]:
    """The space that the sweep went by so far."""
    return load_space(folder.space, SweepConfig, fixed=SWEEP_FIELDS)


def _read(folder: SweepFolder) -> Given:
    """Where nothing was kept, as of a trial that was run again, space.yaml is what was given."""
    try:
        known = json.loads(folder.given.read_text(encoding="utf-8"))
        return Given(known["tree"], tuple(known["overrides"]))
    except FileNotFoundError:
        return Given(read_document(folder.space).tree, ())
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{folder.given}: cannot be read as what the sweep was given: {error}") from None


def _at(tree: Any, key: str) -> Any:
    """What stands at a dotted key, or the value above it that holds nothing further."""
    for part in key.split("."):
        if isinstance(tree, dict):
            tree = tree.get(part, "nothing is written here")
        elif isinstance(tree, list) and part.isdigit() and int(part) < len(tree):
            tree = tree[int(part)]
        else:
            break
    return tree


def _key(override: str) -> str:
    return override.partition("=")[0].strip()
