"""Check search.constraints before the sweep: their settings exist, and some sample fulfils them."""

import math
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from platform.config.document import dotted
from platform.config.errors import ConfigError, did_you_mean, located
from platform.config.load import LoadedSpace
from platform.config.ranges import NumberRange, Range
from platform.config.space import Resolved
from platform.tuning.names import flatten
from platform.tuning.settings.constraint import Constraint, parse_constraint
from platform.tuning.settings.sweep_config import SweepConfig

DRAWS = 1000


def settings_of(trial: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The values that a constraint may name: a trial's settings, and the labels of chosen sections."""
    return flatten(trial) | dict(parameters)


def check_constraints(loaded: LoadedSpace[SweepConfig]) -> None:
    """Raises ConfigError, one line for each mistake: an unknown setting or option, text in place of a number,
    constraints that none of 1,000 random samples fulfils."""
    constraints = [parse_constraint(text) for text in loaded.first().search.constraints]
    if not constraints:
        return
    corners = [_settings(loaded, corner) for corner in loaded.space.corners()]
    lines = []
    for place, constraint in enumerate(constraints):
        problem = _problem(constraint, corners)
        if problem:
            path = ("search", "constraints", place)
            lines.append(located(loaded.document.mark(path), dotted(path), problem))
    if lines:
        raise ConfigError(*lines)
    _check_that_some_sample_is_feasible(loaded, constraints)


def none_feasible(samples: int, unfulfilled: Counter[str]) -> str:
    """The message that no sample fulfils the constraints, with the one that most samples break."""
    text, count = unfulfilled.most_common(1)[0]
    return f"none of {samples} samples in a row fulfils them all; {count} do not fulfil {text}"


def _problem(constraint: Constraint, corners: Sequence[Mapping[str, Any]]) -> str | None:
    """What is wrong with the constraint in this space; the corners include every option."""
    known = dict.fromkeys(path for corner in corners for path in corner)
    for path in constraint.paths:
        if path not in known:
            return _unknown(path, known)
    for path, text in constraint.texts():
        options = {corner[path] for corner in corners if isinstance(corner.get(path), str)}
        if text not in options:
            there = f"it may be {', '.join(sorted(options))}" if options else "it is no text"
            return f"{path} is never {text!r}{did_you_mean(text, options)}; {there}"
    for corner in corners:
        try:
            constraint.violation(corner)
        except ValueError as error:
            return str(error)
    return None


def _unknown(path: str, known: Iterable[str]) -> str:
    below = [name for name in known if name.startswith(f"{path}.")]
    if below:
        return f"{path} is a section; name one of its settings: {', '.join(below)}"
    by_last = [name for name in known if name.rpartition(".")[2] == path.rpartition(".")[2]]
    near = f"; did you mean {by_last[0]!r}?" if len(by_last) == 1 else did_you_mean(path, known)
    return f"there is no setting {path!r}{near}"


def _check_that_some_sample_is_feasible(
    loaded: LoadedSpace[SweepConfig], constraints: Sequence[Constraint]
) -> None:
    draws = random.Random(0)
    unfulfilled = Counter[str]()
    for _ in range(DRAWS):
        resolved = loaded.space.resolve(lambda _, range_: draw(draws, range_))
        try:
            settings = _settings(loaded, resolved)
        except ConfigError:  # a sample between valid corners may be invalid
            continue
        found = [one.text for one in constraints if one.violation(settings) > 0]
        if not found:
            return
        unfulfilled.update(found)
    if unfulfilled:
        path = ("search", "constraints")
        raise ConfigError.at(loaded.document.mark(path), dotted(path), none_feasible(DRAWS, unfulfilled))


def _settings(loaded: LoadedSpace[SweepConfig], resolved: Resolved) -> dict[str, Any]:
    return settings_of(loaded.validate(resolved).trial().model_dump(mode="json"), resolved.parameters)


def draw(draws: random.Random, range_: Range) -> Any:
    """A random value of the range, uniform on the range's scale."""
    if not isinstance(range_, NumberRange):
        return draws.choice(range_.labels)
    if range_.is_int and not range_.is_log:
        return draws.randint(int(range_.low), int(range_.high))
    if not range_.is_log:
        return draws.uniform(range_.low, range_.high)
    value = math.exp(draws.uniform(math.log(range_.low), math.log(range_.high)))
    value = min(max(value, range_.low), range_.high)
    return round(value) if range_.is_int else value
