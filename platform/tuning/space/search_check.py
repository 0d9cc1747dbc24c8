"""Check, before the sweep, that the search section fits the space; which parameters are drawn at random."""

from importlib.util import find_spec
from typing import NoReturn

from platform.config.document import TreePath, dotted
from platform.config.errors import ConfigError
from platform.config.load import LoadedSpace
from platform.config.ranges import Choice, NumberRange
from platform.config.space import Parameter
from platform.tuning.settings.sampler_config import (
    CmaEsSampler,
    CurvesSampler,
    GpSampler,
    GridSampler,
    QmcSampler,
)
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.space.constraint_check import check_constraints
from platform.tuning.space.start_points import written_starts

SAMPLER: TreePath = ("search", "sampler")


def check_search(loaded: LoadedSpace[SweepConfig]) -> None:
    """Raises ConfigError with the place in the YAML, one line for each mistake."""
    _check_sampler(loaded)
    check_constraints(loaded)
    for place in range(len(loaded.first().search.start_with)):
        written_starts(loaded, place)


def _check_sampler(loaded: LoadedSpace[SweepConfig]) -> None:
    parameters, sampler = loaded.space.parameters(), loaded.first().search.sampler
    if not parameters:
        return
    if isinstance(sampler, GridSampler):
        endless = [one for one in parameters if isinstance(one.range, NumberRange) and not one.range.is_int]
        if endless:
            named = ", ".join(f"{one.path} is {one.range}" for one in endless)
            _refuse(loaded, SAMPLER, f"grid needs finite ranges (int, logint, choice), but {named}")
    goals = loaded.first().search.goals
    if isinstance(sampler, CmaEsSampler | CurvesSampler) and len(goals) > 1:
        named = ", ".join(goal.metric for goal in goals)
        _refuse(
            loaded,
            SAMPLER,
            f"{sampler.name} looks for a single goal, but here are {named}: take tpe, gp or random",
        )
    if isinstance(sampler, CmaEsSampler) and find_spec("cmaes") is None:
        _refuse(loaded, SAMPLER, "cmaes needs the package cmaes, which is not installed: pip install cmaes")
    least = {CmaEsSampler: 2, GpSampler: 1, QmcSampler: 1}.get(type(sampler), 0)
    modelled = len(parameters) - len(left_to_chance(loaded))
    if modelled < least:
        kind = "parameters" if isinstance(sampler, GpSampler) else "numbers"
        message = f"{sampler.name} models {kind} outside of any choice, at least {least}; here are {modelled}"
        _refuse(loaded, SAMPLER, f"{message}: take tpe or random")


def left_to_chance(loaded: LoadedSpace[SweepConfig]) -> list[Parameter]:
    """The parameters that the sampler does not model; Optuna draws each of them independently at random."""
    parameters = loaded.space.parameters()
    match loaded.first().search.sampler:
        case CmaEsSampler() | QmcSampler():
            return [one for one in parameters if one.condition or isinstance(one.range, Choice)]
        case GpSampler():
            return [one for one in parameters if one.condition]
    return []


def _refuse(loaded: LoadedSpace[SweepConfig], path: TreePath, message: str) -> NoReturn:
    raise ConfigError.at(loaded.document.mark(path), dotted(path), message)
