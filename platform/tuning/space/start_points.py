"""search.start_with: the points that a study begins with, as parameters of the space."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from platform.config.document import dotted
from platform.config.errors import ConfigError, did_you_mean
from platform.config.load import LoadedSpace
from platform.config.ranges import Choice, NumberRange, Range
from platform.tuning.names import flatten
from platform.tuning.settings.constraint import parse_constraint
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.space.constraint_check import settings_of


class PointError(ValueError):
    """A point outside the space; ``path`` is the setting that does not fit, or empty."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}" if path else message)
        self.path = path
        self.message = message


@dataclass(frozen=True)
class Start:
    """A trial to begin with: ``parameters`` by their names in the study, and where the point comes from."""

    parameters: dict[str, Any]
    origin: str


def written_starts(loaded: LoadedSpace[SweepConfig], place: int) -> list[Start]:
    """The points of the entry ``place``; none if it names a sweep. Raises ConfigError at its place."""
    entry = loaded.first().search.start_with[place]
    if "from" in entry:
        return []
    if "published" in entry:
        return [
            Start(_fit(loaded, place, settings), f"published with {name}")
            for name, settings in _published(loaded, place).items()
        ]
    return [Start(_fit(loaded, place, flatten(entry)), "search.start_with")]


def refusal(loaded: LoadedSpace[SweepConfig], place: int, path: str, message: str) -> ConfigError:
    """The error for the entry ``place``, at its setting ``path`` if that is written there."""
    own = dotted(("search", "start_with", place))
    full = f"{own}.{path}" if path else own
    written = [known for known in loaded.document.marks if full == dotted(known)]
    mark = loaded.document.mark(written[0] if written else ("search", "start_with", place))
    return ConfigError.at(mark, full, message)


def _fit(loaded: LoadedSpace[SweepConfig], place: int, point: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return fit_point(loaded, point)
    except PointError as error:
        raise refusal(loaded, place, error.path, error.message) from None


def fit_point(loaded: LoadedSpace[SweepConfig], point: Mapping[str, Any]) -> dict[str, Any]:
    """Turn settings by dotted path into parameters of the study; the sampler draws those left out.

    An option that is a section is chosen by its label or name (``method: peer`` or ``method: {name: peer}``),
    or by settings that only this option has. A setting that is not searched must equal the YAML's. Raises
    PointError.
    """
    parameters: dict[str, Any] = {}
    used: set[str] = set()
    left_out: set[str] = set()
    paths = {parameter.name: parameter.path for parameter in loaded.space.parameters()}

    def pick(name: str, range_: Range) -> Any:
        path = paths[name]
        if isinstance(range_, Choice):
            given = _option(path, range_, point, used)
        else:
            given = _number(path, range_, point, used)
        if given is None:
            left_out.add(path)
            return range_.labels[0] if isinstance(range_, Choice) else range_.low
        parameters[name] = given[0]
        return given[0]

    resolved = loaded.space.resolve(pick)
    unused = [path for path in point if path not in used]
    try:
        trial = loaded.validate(resolved).trial().model_dump(mode="json")
    except ConfigError as error:
        if left_out and not unused:  # the values that the sampler draws may be valid
            return parameters
        raise PointError("", f"builds no valid trial: {error}") from None
    settings = settings_of(trial, resolved.parameters)
    for path in unused:
        _check_fixed(path, point[path], settings)
    for text in loaded.first().search.constraints:
        constraint = parse_constraint(text)
        if not left_out & set(constraint.paths) and constraint.violation(settings) > 0:
            raise PointError("", f"does not fulfil the constraint {text}")
    return parameters


def _number(path: str, range_: NumberRange, point: Mapping[str, Any], used: set[str]) -> tuple[Any] | None:
    if path not in point:
        return None
    value = point[path]
    used.add(path)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise PointError(path, f"must be a number of {range_}, got {value!r}")
    if range_.is_int and value != int(value):
        raise PointError(path, f"must be a whole number of {range_}, got {value!r}")
    if not range_.low <= value <= range_.high:
        raise PointError(path, f"must be within {range_}, got {value!r}")
    return (int(value) if range_.is_int else float(value),)


def _option(path: str, choice: Choice, point: Mapping[str, Any], used: set[str]) -> tuple[Any] | None:
    """The chosen option's label, in a tuple as it may be null; None if the point does not choose one."""
    if path in point:
        used.add(path)
        value = point[path]
        for option, label in zip(choice.options, choice.labels, strict=True):
            if repr(value) in (repr(label), repr(option)):
                return (label,)
        raise PointError(
            path,
            f"must be an option of {choice}, got {value!r}{did_you_mean(value, map(str, choice.labels))}",
        )
    below = {
        name.removeprefix(f"{path}."): value for name, value in point.items() if name.startswith(f"{path}.")
    }
    if not below:
        return None
    fitting = [
        label
        for option, label in zip(choice.options, choice.labels, strict=True)
        if isinstance(option, dict) and _may_have(option, below)
    ]
    if len(fitting) == 1:
        used.update(f"{path}.{key}" for key in ("name", "kind") if key in below)
        return (fitting[0],)
    which = "it has the settings of none" if not fitting else f"it may be {', '.join(map(str, fitting))}"
    raise PointError(path, f"say which option of {choice} is meant: {which}")


def _may_have(option: Mapping[str, Any], below: Mapping[str, Any]) -> bool:
    """Match the option by its name if the point gives one, else by the settings that the option has."""
    for key in ("name", "kind"):
        if key in below:
            return bool(option.get(key) == below[key])
    return set(below) <= set(flatten(option))


def _check_fixed(path: str, value: Any, settings: Mapping[str, Any]) -> None:
    if path not in settings:
        raise PointError(path, f"there is no setting {path!r} in such a trial{did_you_mean(path, settings)}")
    if settings[path] != value:
        raise PointError(path, f"is not searched and is {settings[path]!r} in every trial, got {value!r}")


def _published(loaded: LoadedSpace[SweepConfig], place: int) -> dict[str, dict[str, Any]]:
    """The published settings of the space's methods; only those that are searched."""
    searched = {parameter.path for parameter in loaded.space.parameters()}
    found = {}
    for method in {corner.method.name: corner.method for corner in loaded.corners()}.values():
        settings = {f"method.{key}": value for key, value in method.published.items()}
        point = {path: value for path, value in settings.items() if path in searched}
        if point:
            found[method.name] = point | ({"method": method.name} if "method" in searched else {})
    if not found:
        message = "no method of this space has published settings that are searched"
        raise refusal(loaded, place, "published", message)
    return found
