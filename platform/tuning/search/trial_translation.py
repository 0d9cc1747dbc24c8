"""Find the parameters that reproduce a trial's settings in a changed space."""

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
from platform.tuning.names import named_settings
from platform.tuning.search.sampling import Sample
from platform.tuning.settings.constraint import parse_constraint
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.space.constraint_check import settings_of

MOST_TRIES = 256
"""Combinations of options to try where the settings do not tell which options were chosen."""

Path = tuple[str | int, ...]


class OutsideSpace(ValueError):
    """The space cannot draw the trial; the message says briefly why."""


def translate(loaded: LoadedSpace[SweepConfig], sample: Sample) -> tuple[dict[str, Any], Sample]:
    """The parameters of ``loaded``, by their names in the study, that reproduce the settings of ``sample``.

    Returns the sample that they draw, too. Raises OutsideSpace if there are none.
    """
    settings = _all_settings(sample.config)
    for parameters in islice(_candidates(loaded.space.tree, settings, "", (), sample.parameters), MOST_TRIES):
        resolved = loaded.space.resolve(lambda name, _, found=parameters: found[name])  # type: ignore[misc]
        try:
            config = loaded.validate(resolved).trial()
        except ConfigError:
            continue
        if config == sample.config:
            return parameters, Sample(resolved.parameters, config)
    raise OutsideSpace(_why(loaded, sample))


def constraint_violations(loaded: LoadedSpace[SweepConfig], sample: Sample) -> dict[str, float]:
    """By how much the sample breaks each of search.constraints; 0 where it fulfils it."""
    settings = settings_of(sample.config.model_dump(mode="json"), sample.parameters)
    return {text: parse_constraint(text).violation(settings) for text in loaded.first().search.constraints}


def distribution_of(range_: Range) -> BaseDistribution:
    """The distribution that Optuna's ``suggest_…`` uses for the range."""
    if isinstance(range_, Choice):
        return CategoricalDistribution(range_.labels)
    if range_.is_int:
        return IntDistribution(int(range_.low), int(range_.high), log=range_.is_log)
    return FloatDistribution(range_.low, range_.high, log=range_.is_log)


def can_draw(range_: Range, value: Any) -> bool:
    """Whether the range can draw exactly this value."""
    if isinstance(range_, Choice):
        return repr(value) in {repr(label) for label in range_.labels}
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and range_.low <= value <= range_.high and (not range_.is_int or value == int(value))


def _all_settings(config: TrialConfig) -> dict[str, Any]:
    """All settings, with those that stages inherit."""
    stages = [stage.model_dump(mode="json") for stage in config.stages]
    return config.model_dump(mode="json") | {"stages": stages}


def _candidates(
    node: Any, given: Any, name: str, path: Path, drawn: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Parameters that may draw ``given``, the likeliest first; constants are not compared."""
    if isinstance(node, NumberRange):
        value = drawn.get(dotted(path), given)
        if can_draw(node, value):
            yield {name: int(value) if node.is_int else float(value)}
    elif isinstance(node, Choice):
        for label, option in _likeliest_first(node, given, drawn.get(dotted(path))):
            for below in _candidates(option, given, f"{name}[{label}]", path, drawn):
                yield {name: label} | below
    elif isinstance(node, dict | list):
        items: Iterable[tuple[str | int, Any]] = node.items() if isinstance(node, dict) else enumerate(node)
        children = [
            (child, _item(given, key), f"{name}.{key}" if name else str(key), (*path, key))
            for key, child in items
        ]
        yield from _joint_candidates(children, drawn)
    else:
        yield {}


def _joint_candidates(
    children: Sequence[tuple[Any, Any, str, Path]], drawn: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    if not children:
        yield {}
        return
    (node, given, name, path), *others = children
    for first in _candidates(node, given, name, path, drawn):
        for rest in _joint_candidates(others, drawn):
            yield first | rest


def _likeliest_first(choice: Choice, given: Any, drawn: Any) -> list[tuple[Any, Any]]:
    """The option that equals the value; else first the option of the same label, then the others."""
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
    """Name the first of its parameters that the space cannot draw."""
    ranges: dict[str, list[Range]] = {}
    for one in loaded.space.parameters():
        ranges.setdefault(one.path, []).append(one.range)
    for path, value in sample.parameters.items():
        if path in ranges and not any(can_draw(range_, value) for range_ in ranges[path]):
            return f"{path} is {_number(value)}"
    constants = named_settings(_all_settings(loaded.first().trial()))
    for path, value in sample.parameters.items():
        if path not in ranges and path in constants and repr(constants[path]) != repr(value):
            return f"{path} is {_number(value)}"
    return "its settings cannot be drawn any more"


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "null" if value is None else str(value)
