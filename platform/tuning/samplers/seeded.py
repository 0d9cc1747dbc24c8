"""The sampler of a search, seeded by the sweep's seed, the trial's number and the parameter."""

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from platform.config.space import Space
from platform.tuning.samplers.curve_memory import CurveMemory
from platform.tuning.samplers.curve_sampler import CurveSampler
from platform.tuning.settings.sampler_config import (
    CmaEsSampler,
    CurvesSampler,
    GpSampler,
    GridSampler,
    QmcSampler,
    RandomSampler,
    TpeSampler,
)
from platform.tuning.settings.search_config import SearchConfig
from platform.tuning.trial_seed import seed_of


class SeededByNumber(BaseSampler):
    """A new sampler of the same kind for each trial, seeded by the trial's number.

    Optuna's samplers draw from one random stream, whose position is lost with the process: a resumed study
    would repeat its draws. What a sampler has learnt, it reads from the study each time. A parameter that is
    drawn independently has its own seed, as the process may end between two parameters of a trial.
    """

    def __init__(self, search: SearchConfig, seed: int, space: Space, epochs: int) -> None:
        self._search = search
        self._curves = CurveMemory(space, epochs, search.statistic)
        self._seed = seed
        self._number = -1
        self._sampler: BaseSampler = optuna.samplers.RandomSampler()

    def _of(self, trial: FrozenTrial) -> BaseSampler:
        if trial.number != self._number:
            self._number = trial.number
            self._sampler = self._make(seed_of(self._seed, trial.number))
        return self._sampler

    def _make(self, own_seed: int) -> BaseSampler:
        return make_sampler(self._search, self._seed, own_seed, self._curves)

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._of(trial).infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._of(trial).sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        chooses_whole_samples = isinstance(self._search.sampler, CurvesSampler)
        sampler = (
            self._of(trial)
            if chooses_whole_samples
            else self._make(seed_of(self._seed, trial.number, param_name))
        )
        return sampler.sample_independent(study, trial, param_name, param_distribution)

    def before_trial(self, study: Study, trial: FrozenTrial) -> None:
        self._of(trial).before_trial(study, trial)

    def after_trial(
        self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
    ) -> None:
        if not isinstance(
            self._search.sampler, GridSampler
        ):  # it would stop Optuna's loop, which we do not use
            self._of(trial).after_trial(study, trial, state, values)


class _QmcByNumber(optuna.samplers.QMCSampler):
    """The trial's number is its place in the sequence.

    Optuna counts in the study's attributes, before the trial has its values: a trial that a killed process
    left half drawn would get the next point.
    """

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        self._place = trial.number
        return super().sample_relative(study, trial, search_space)

    def _find_sample_id(self, study: Study, search_space: dict[str, BaseDistribution]) -> int:
        return self._place


def make_sampler(search: SearchConfig, seed: int, own_seed: int, curves: CurveMemory) -> BaseSampler:
    """The sampler for one trial, or one parameter of it, seeded by ``own_seed``; ``seed`` is the sweep's."""
    config = search.sampler
    random = optuna.samplers.RandomSampler(seed=own_seed)
    options = config.model_dump(exclude={"name"})
    if isinstance(config, RandomSampler):
        return random
    make: Callable[..., BaseSampler]
    match config:
        case TpeSampler():
            group = config.multivariate if config.group is None else config.group
            make = partial(optuna.samplers.TPESampler, **options | {"group": group}, seed=own_seed)
        case CmaEsSampler():
            make = partial(optuna.samplers.CmaEsSampler, **options, seed=own_seed, independent_sampler=random)
        case GpSampler():
            make = partial(optuna.samplers.GPSampler, **options, seed=own_seed, independent_sampler=random)
        case CurvesSampler():
            make = partial(CurveSampler, curves, **options, seed=own_seed)
        case QmcSampler():  # one sequence: its seed is the same for every trial
            make = partial(_QmcByNumber, **options, seed=seed, independent_sampler=random)
        case GridSampler():  # Optuna's GridSampler knows no conditional parameters
            make = partial(optuna.samplers.BruteForceSampler, seed=own_seed)
    if isinstance(config, CmaEsSampler | GpSampler | QmcSampler):
        make = partial(make, warn_independent_sampling=False)  # the plan says so once
    with warnings.catch_warnings():
        # Optuna calls some options and samplers experimental.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return make()
