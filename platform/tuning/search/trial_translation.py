"""A trial of one space laid into another: the parameters that give exactly its settings there."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from platform.config.document import dotted
from platform.config.errors import ConfigError
from platform.config.load import LoadedSpace
from platform.config.ranges import Choice, NumberRange, Range
from platform.training.trial.trial_config import TrialConfig
from platform.tuning.settings.constraint import parse_constraint
from platform.tuning.space.constraint_check import settings_of
from platform.tuning.names import named_settings
from platform.tuning.search.sampling import Sample
from platform.tuning.settings.sweep_config import SweepConfig

MOST_TRIES = 256
"""Combinations of options that are tried where settings alone do not say which options were chosen."""

Path = tuple[str | int, ...]


class Misfit(ValueError):
    """The space cannot draw the trial; ``str()`` says in a few words why."""


def refit(loaded: LoadedSpace[SweepConfig], sample: Sample) -> tuple[dict[str, Any], Sample]:
    """The parameters of ``loaded``, by their names in the study, that draw the settings of ``sample``.

    And the sample that they make. Raises Misfit where there are none.
    """
    given = _whole(sample.config)
    for parameters in islice(_fits(loaded.space.tree, given, "", (), sample.parameters), MOST_TRIES):
        resolved = loaded.space.resolve(lambda name, _, found=parameters: found[name])  # type: ignore[misc]
        try:
            config = loaded.validate(resolved).trial()
        except ConfigError:
            continue
        if config == sample.config:
            return parameters, Sample(resolved.parameters, config)
    raise Misfit(_why(loaded, sample))


def unfulfilled(loaded: LoadedSpace[SweepConfig], sample: Sample) -> dict[str, float]:
    """How far the sample is from each of search.constraints; 0 or less where it fulfils it."""
    settings = settings_of(sample.config.model_dump(mode="json"), sample.parameters)
    return {text: parse_constraint(text).violation(settings) for text in loaded.first().search.constraints}


def distribution_of(range_: Range) -> BaseDistribution:
    """As Optuna's ``suggest_…`` makes it of the range."""
    if isinstance(range_, Choice):
        return CategoricalDistribution(range_.labels)
    if range_.is_int:
        return IntDistribution(int(range_.low), int(range_.high), log=range_.is_log)
    return FloatDistribution(range_.low, range_.high, log=range_.is_log)


def holds(range_: Range, value: Any) -> bool:
    """Whether the range can draw that very value."""
    if isinstance(range_, Choice):
        return repr(value) in {repr(label) for label in range_.labels}
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and range_.low <= value <= range_.high and (not range_.is_int or value == int(value))


def _whole(config: TrialConfig) -> dict[str, Any]:
    """All settings, those that stages inherit too."""
    stages = [stage.model_dump(mode="json") for stage in config.stages]
    return config.model_dump(mode="json") | {"stages": stages}


def _fits(node: Any, given: Any, name: str, path: Path, drawn: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Parameters that may give ``given``, the likeliest first; constants are not looked at."""
    if isinstance(node, NumberRange):
        value = drawn.get(dotted(path), given)
        if holds(node, value):
            yield {name: int(value) if node.is_int else float(value)}
    elif isinstance(node, Choice):
        for label, option in _likeliest_first(node, given, drawn.get(dotted(path))):
            for below in _fits(option, given, f"{name}[{label}]", path, drawn):
                yield {name: label} | below
    elif isinstance(node, dict | list):
        items: Iterable[tuple[str | int, Any]] = node.items() if isinstance(node, dict) else enumerate(node)
        children = [
            (child, _item(given, key), f"{name}.{key}" if name else str(key), (*path, key))
            for key, child in items
        ]
        yield from _all_fit(children, drawn)
    else:
        yield {}


def _all_fit(
    children: Sequence[tuple[Any, Any, str, Path]], drawn: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    if not children:
        yield {}
        return
    (node, given, name, path), *others = children
    for first in _fits(node, given, name, path, drawn):
        for rest in _all_fit(others, drawn):
            yield first | rest


def _likeliest_first(choice: Choice, given: Any, drawn: Any) -> list[tuple[Any, Any]]:
    """An option that is just that value; else the one of the same label, then all others."""
    options = list(zip(choice.labels, choice.options, strict=True))
    same = [pair for pair in options if repr(pair[1]) == repr(given)]
    if same or isinstance(given, bool | int | float):
        return same or [pair for pair in options if pair[1] == given]
    return sorted(options, key=lambda pair: repr(pair[0]) != repr(drawn))


def _item(given: Any, key: str | int) -> Any:
    if isinstance(given, Mapping):
        return given.get(str(key))
    if isinstance(given, list) and isinstance(key, int) and key < len(given):
        return given[key]
    return None


def _why(loaded: LoadedSpace[SweepConfig], sample: Sample) -> str:
    """The first of its parameters that the space cannot draw."""
    ranges: dict[str, list[Range]] = {}
    for one in loaded.space.parameters():
        ranges.setdefault(one.path, []).append(one.range)
    for path, value in sample.parameters.items():
        if path in ranges and not any(holds(range_, value) for range_ in ranges[path]):
            return f"{path} is {_number(value)}"
    constants = named_settings(_whole(loaded.first().trial()))
    for path, value in sample.parameters.items():
        if path not in ranges and path in constants and repr(constants[path]) != repr(value):
            return f"{path} is {_number(value)}"
    return "its settings cannot be drawn any more"


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "null" if value is None else str(value)
