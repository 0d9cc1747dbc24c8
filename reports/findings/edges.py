"""Best values at an end of their range: better values may lie beyond it."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic import ValidationError

from platform.config.errors import ConfigError
from platform.config.load import LoadedSpace
from platform.config.ranges import Choice, NumberRange, Range
from platform.config.section import Section
from platform.config.space import Parameter, Space
from platform.tracking.records import TrialRecord
from platform.training.trial.trial_config import TrialConfig
from reports.ranking.rank import RankedTrial, parameter

NEAR = 0.05
LEAST_FINISHED = 5
WIDER_BY = 0.5
_SHARES = (1, 1 / 2, 1 / 4, 1 / 8)

End = Literal["lower", "upper"]


@dataclass(frozen=True)
class Edge:
    """A parameter whose best value lies at an end of its range, and a wider range for the YAML."""

    parameter: Parameter
    value: float
    end: End
    wider: NumberRange

    def __str__(self) -> str:
        name, found = self.parameter.path, self.parameter
        where = f" (where {found.condition})" if found.condition else ""
        yaml = f"{{{self.wider.kind}: [{self.wider.low:.6g}, {self.wider.high:.6g}]}}"
        return (
            f"{name} of the best trial, {parameter(self.value)}, is within {NEAR:.0%} of the {self.end} end "
            f"of {found.range}{where}; wider: {name.rpartition('.')[2]}: {yaml}"
        )


def edges(loaded: LoadedSpace[Any], ranking: Sequence[RankedTrial]) -> list[Edge]:
    """The best trial's values within 5% of an end of their range (in the logarithm for logarithmic ranges).

    Empty if fewer than five trials finished. The wider range reaches half the old width further, but not past
    zero nor past the setting's own bounds; values whose setting allows no wider range are left out. The space
    with the wider range has passed every check, so it can run as it is.
    """
    if sum(one.trial.outcome == "finished" for one in ranking) < LEAST_FINISHED:
        return []
    best = ranking[0].trial
    found = []
    for searched, value in _numbers_of(loaded.space, best):
        range_ = searched.range
        assert isinstance(range_, NumberRange)
        place = position(value, range_)
        end: End | None = "lower" if place <= NEAR else "upper" if place >= 1 - NEAR else None
        wider = _widened(loaded, searched, end, best) if end else None
        if end and wider:
            found.append(Edge(searched, value, end, wider))
    return found


def position(value: float, range_: NumberRange) -> float:
    """A value's place in its range, from 0 at the lower end to 1 at the upper end."""
    low, high = range_.low, range_.high
    if range_.is_log:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def _numbers_of(space: Space, trial: TrialRecord) -> list[tuple[Parameter, float]]:
    """The numbers sampled for a trial, each with its parameter in the branch that the trial chose."""
    known = {found.name: found for found in space.parameters()}
    met: list[tuple[Parameter, float]] = []
    unclear: list[str] = []

    def pick(name: str, range_: Range) -> Any:
        value: Any = trial.searched.get(known[name].path)
        if isinstance(range_, Choice):
            matching = [label for label in range_.labels if repr(label) == repr(value)]
            if not matching:  # a list, which MLflow holds as such: nothing says which option it was
                unclear.append(f"{name}[")
            return matching[0] if matching else range_.labels[0]
        if isinstance(value, list) and value and value.count(value[0]) == len(value):
            value = value[0]  # a square's height and width
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not range_.low <= value <= range_.high:
            return range_.low
        if not name.startswith(tuple(unclear)):
            met.append((known[name], value))
        return value

    space.resolve(pick)
    return met


def _widened(
    loaded: LoadedSpace[Any], searched: Parameter, end: End, best: TrialRecord
) -> NumberRange | None:
    """The widest of several ranges with which the whole space is valid."""
    range_ = searched.range
    assert isinstance(range_, NumberRange)
    bounds = _bounds_of(searched.path, best)
    for share in _SHARES:
        limit = _limited(_beyond(range_, end, share * WIDER_BY), range_, end, bounds)
        wider = replace(range_, low=limit) if end == "lower" else replace(range_, high=limit)
        is_wider = wider.low < range_.low or wider.high > range_.high
        if is_wider and _is_valid(loaded, range_, wider):
            return wider
    return None


def _beyond(range_: NumberRange, end: End, share: float) -> float:
    """The end moved outwards by a share of the width, rounded to two digits, but not past zero."""
    low, high = range_.low, range_.high
    if range_.is_log:
        factor: float = (high / low) ** share
        moved = low / factor if end == "lower" else high * factor
    else:
        moved = low - share * (high - low) if end == "lower" else high + share * (high - low)
    if low >= 0:
        moved = max(moved, 0.0)
    if high <= 0:
        moved = min(moved, 0.0)
    if range_.is_int:
        return math.floor(moved) if end == "lower" else math.ceil(moved)
    return float(f"{moved:.2g}")


def _limited(moved: float, range_: NumberRange, end: End, bounds: Mapping[str, float]) -> float:
    """``moved`` clipped to the setting's bounds; halfway to a bound that it must not reach."""
    old, least, beyond = (
        (range_.low, bounds.get("ge"), bounds.get("gt"))
        if end == "lower"
        else (range_.high, bounds.get("le"), bounds.get("lt"))
    )
    nearer = max if end == "lower" else min
    if least is not None:
        moved = nearer(moved, least)
    if beyond is not None and nearer(moved, beyond) == beyond:
        inwards = 1 if end == "lower" else -1
        moved = beyond + inwards if range_.is_int else (old + beyond) / 2
    return int(moved) if range_.is_int else moved


def _bounds_of(path: str, best: TrialRecord) -> dict[str, float]:
    """The schema's bounds of the setting at ``path`` in this trial, by pydantic's names: ge, gt, le, lt."""
    *above, last = path.split(".")
    try:
        owner: Any = TrialConfig.model_validate_json(json.dumps(best.config))
    except ValidationError:  # another version of the code wrote it
        return {}
    for part in above:
        owner = owner[int(part)] if isinstance(owner, tuple) else getattr(owner, part, None)
    metadata = type(owner).model_fields[last].metadata if isinstance(owner, Section) else []
    return {
        name: getattr(one, name)
        for one in metadata
        for name in ("ge", "gt", "le", "lt")
        if hasattr(one, name)
    }


def _is_valid(loaded: LoadedSpace[Any], old: NumberRange, new: NumberRange) -> bool:
    space = Space(_replaced(loaded.space.tree, old, new))
    try:
        LoadedSpace(loaded.document, space, loaded.root).corners()
    except ConfigError:
        return False
    return True


def _replaced(node: Any, old: NumberRange, new: NumberRange) -> Any:
    if node is old:
        return new
    if isinstance(node, dict):
        return {key: _replaced(child, old, new) for key, child in node.items()}
    if isinstance(node, list):
        return [_replaced(child, old, new) for child in node]
    if isinstance(node, Choice):
        return replace(node, options=tuple(_replaced(option, old, new) for option in node.options))
    return node
