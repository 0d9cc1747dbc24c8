"""Options of the command that stand for overrides: ``--data``, ``--quick``, ``--trials``, ``--budget``.

They become overrides so that runs/NAME/given.json and ``--resume`` know them like any other.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from platform.config.check import validate
from platform.config.document import Document, override, read_document
from platform.config.errors import UserError
from platform.config.ranges import NUMBER_RANGES
from platform.config.section import Section
from platform.config.space import Space
from platform.datasets.data_config import DataConfig
from platform.datasets.preparation.listing import holds_identities
from platform.training.trial.recipe import Recipe

TRIALS, BUDGET, DATA, EPOCHS, STAGES = "search.trials", "search.budget", "data", "epochs", "stages"
QUICK_EPOCHS, QUICK_TRIALS = 2, 2
SMALL_IMAGE = 64
"""px; up to this size a CPU learns a few thousand images in the seconds that --quick has."""
QUICK_SMALL_IMAGES, QUICK_LARGE_IMAGES = 1000, 200


@dataclass(frozen=True)
class Shortcuts:
    """The options as they were given; None or False: not given."""

    trials: str | None = None
    budget: str | None = None
    data: str | None = None
    quick: bool = False


def key_of(override_: str) -> str:
    return override_.partition("=")[0].strip()


def overrides_of(
    space: Path, given: Sequence[str], shortcuts: Shortcuts, earlier: Sequence[str] = ()
) -> list[str]:
    """All overrides of a command, in the order in which they are applied.

    Args:
        given: The command's own ``key.path=value``, which win against its shortcuts.
        earlier: The overrides of earlier commands of the sweep, on ``--resume``.
    """
    tree, first = read_document(space).tree, list(earlier)
    if shortcuts.data is not None:
        section = data_override(shortcuts.data)
        if section not in first:
            first = [section, *(one for one in first if not _is_at_or_below(one, DATA))]
    found = [*first, *given]
    if shortcuts.quick:
        found = [*found[: len(first)], *_quick(tree, found), *given]
    if shortcuts.trials is not None:
        found.append(f"{TRIALS}={shortcuts.trials}")
    if shortcuts.budget is not None:
        found.append(_budget(tree, found, shortcuts.budget))
    return _with_shared_epochs(tree, found)


def data_override(path: str) -> str:
    """``data=…``: the whole section, which holds the source and, of identities, that they are."""
    section: dict[str, Any] = {"source": path}
    if holds_identities(path):
        section["identities"] = {}
    return f"{DATA}={json.dumps(section, ensure_ascii=False)}"


def data_section(path: str, overrides: Sequence[str] = ()) -> DataConfig:
    """The section ``data`` of this source alone, with overrides of its settings."""
    document = Document("command line")
    for one in [data_override(path), *overrides]:
        if not _is_at_or_below(one, DATA):
            raise UserError(f"command line: {one!r} is no setting of the data; write data.key=value")
        override(document, one)
    return validate(Space(document.tree).resolve(lambda name, _: name), _OnlyData, document).data


class _OnlyData(Section):
    data: DataConfig


def _quick(tree: dict[str, Any], overrides: Sequence[str]) -> list[str]:
    """A minute that passes through every part: few epochs, trials and images, and no repeats."""
    found = [f"{EPOCHS}={QUICK_EPOCHS}", f"{TRIALS}={QUICK_TRIALS}", "search.confirm=null"]
    document = _applied(tree, overrides)
    data = document.tree.get(DATA)
    if isinstance(data, dict) and data.get("identities") is not None:
        return found
    sized = {
        "image_size": document.tree.get("image_size", SMALL_IMAGE + 1),
        STAGES: document.tree.get(STAGES),
    }
    largest = max(_numbers_at("image_size", sized), default=0)
    images = QUICK_SMALL_IMAGES if largest <= SMALL_IMAGE else QUICK_LARGE_IMAGES
    return [*found, f"{DATA}.max_images={images}"]


def _applied(tree: dict[str, Any], overrides: Sequence[str]) -> Document:
    document = Document("", json.loads(json.dumps(tree)))
    for one in overrides:
        override(document, one)
    return document


def _numbers_at(key: str, tree: Any, is_below: bool = False) -> Iterator[float]:
    if isinstance(tree, dict):
        for name, value in tree.items():
            yield from _numbers_at(key, value, is_below or name == key)
    elif isinstance(tree, list):
        for value in tree:
            yield from _numbers_at(key, value, is_below)
    elif is_below and isinstance(tree, int | float):
        yield tree


def _budget(tree: dict[str, Any], overrides: Sequence[str], time: str) -> str:
    """The limit of time; other limits of the budget stay."""
    search = tree.get("search")
    is_section = isinstance(search, dict) and isinstance(search.get("budget"), dict)
    is_section = is_section or any(key_of(one).startswith(f"{BUDGET}.") for one in overrides)
    return f"{BUDGET}.time={time}" if is_section else f"{BUDGET}={time}"


def _with_shared_epochs(tree: dict[str, Any], overrides: list[str]) -> list[str]:
    """``epochs=N`` of a space with stages is shared out among them, as each has epochs of its own."""
    given = [one.partition("=")[2].strip() for one in overrides if key_of(one) == EPOCHS]
    own = [place for place, one in enumerate(overrides) if key_of(one) == STAGES]
    stages = _applied({}, [overrides[own[-1]]]).tree[STAGES] if own else tree.get(STAGES)
    if not given or not stages:
        return overrides
    if not given[-1].isdigit() or int(given[-1]) == 0:
        raise UserError(
            f"command line: epochs={given[-1]}: of a space with stages write a whole number, which is shared "
            "out among them, or stages.0.epochs=…"
        )
    usual = tree.get(EPOCHS, Recipe.model_fields[EPOCHS].default)
    shared = f"{STAGES}={json.dumps(_shared(stages, int(given[-1]), usual), ensure_ascii=False)}"
    if own:
        return [*overrides[: own[-1]], shared, *overrides[own[-1] + 1 :]]
    return [shared, *overrides]


def _shared(stages: Any, total: int, usual: Any) -> Any:
    """The stages with ``total`` epochs in their old proportions, each at least one."""
    if isinstance(stages, dict) and "choice" in stages:
        return {"choice": [_shared(option, total, usual) for option in stages["choice"]]}
    if not isinstance(stages, list) or not all(isinstance(stage, dict) for stage in stages):
        return stages  # no stages: the check of the space says so
    before = [_most(stage.get(EPOCHS, usual)) for stage in stages]
    wanted = [total * epochs / sum(before) for epochs in before]
    counts = [max(int(share), 1) for share in wanted]
    while sum(counts) < total:
        counts[max(range(len(counts)), key=lambda place: wanted[place] - counts[place])] += 1
    while sum(counts) > max(total, len(counts)):
        longer = [place for place, count in enumerate(counts) if count > 1]
        counts[min(longer, key=lambda place: wanted[place] - counts[place])] -= 1
    return [stage | {EPOCHS: count} for stage, count in zip(stages, counts, strict=True)]


def _most(epochs: Any) -> float:
    """A number of epochs, or the most of a range of them."""
    if isinstance(epochs, dict):
        kind, body = next(iter(epochs.items()), ("", []))
        if kind in (*NUMBER_RANGES, "choice") and isinstance(body, list):
            return max((_most(one) for one in body), default=1)
    return epochs if isinstance(epochs, int) and epochs > 0 else 1


def _is_at_or_below(override_: str, key: str) -> bool:
    return key_of(override_) == key or key_of(override_).startswith(f"{key}.")
