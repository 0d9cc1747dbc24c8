"""The sampler `curves`: learns from the epochs of all trials, stopped or not, what a full one is worth."""

import math
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from scipy.special import log_ndtr
from threadpoolctl import threadpool_limits

from platform.tuning.curve_memory import CurveMemory, Seen, foremost
from platform.tuning.curve_process import CurveProcess, Told

Array = NDArray[np.float64]
BEST = 8
"""Samples whose changes are candidates."""


class CurveSampler(BaseSampler):
    """Takes the candidate with the largest expected improvement of its last epoch.

    EI(x) = E[max(0, f(x, E) - f*)] under a :class:`CurveProcess`, f* being the largest mean at a sample that
    was tried (Jones, Schonlau and Welch, 1998; noise makes the best value seen too large). Candidates are
    drawn from the whole space and around the best samples. What it draws follows from the seed and the study.
    """

    def __init__(
        self,
        memory: CurveMemory,
        *,
        seed: int,
        n_startup_trials: int,
        n_ei_candidates: int,
    ) -> None:
        self._memory = memory
        self._units = memory.units
        self._rng = np.random.default_rng(seed)
        self._n_startup_trials = n_startup_trials
        self._n_ei_candidates = n_ei_candidates
        self._chosen: dict[str, Any] = {}

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """None: what is active is known only once the choices are made."""
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """The whole sample is chosen when its first value is asked for, around those that are given.

        Given are those of a point to start with. Of a trial that a killed process was drawing the same sample
        is chosen again; where another would be, as others have gone on since, what was drawn is given too.
        """
        if not self._chosen:
            fixed = trial.system_attrs.get("fixed_params", {})
            self._chosen = self._units.values(self._choose(study, trial, fixed))
            if trial.params.items() - self._chosen.items():
                fixed = {**fixed, **trial.params}
                self._chosen = self._units.values(self._choose(study, trial, fixed))
        return self._chosen[param_name]

    def _choose(self, study: Study, trial: FrozenTrial, fixed: Mapping[str, Any]) -> Array:
        trials = [one for one in study.get_trials(deepcopy=False) if one.number != trial.number]
        others = [self._memory.of(one, study.direction) for one in trials]
        known = [one for one in others if one.row_P is not None and one.values]
        running = [one for one in others if one.state == TrialState.RUNNING]
        started = len(known) + sum(not one.values for one in running)
        count = self._n_ei_candidates >> _drawn_in_vain(others)
        if not known or started < self._n_startup_trials or count < 2:
            random: Array = self._units.draw(self._rng, 1, fixed)[0]
            return random
        pending = [one.row_P for one in running if one.row_P is not None]
        with threadpool_limits(1, "blas"):  # the other cores are the trials'
            return self._most_promising(foremost(known), pending, fixed, count)

    def _most_promising(
        self, told: Sequence[Seen], pending: Sequence[Array], fixed: Mapping[str, Any], count: int
    ) -> Array:
        units_NP = np.stack([one.row_P for one in told if one.row_P is not None])
        process = self._fitted(told, self._units.points(units_NP))
        means_N, _ = process.predict(self._units.points(units_NP))
        if pending:
            process.believe(self._units.points(np.stack(pending)))
        best_NP = units_NP[np.argsort(-means_N, kind="stable")[:BEST]]
        few = max(1, count * 3 // 10)
        candidates_MP = np.concatenate(
            [
                self._units.draw(self._rng, few, fixed),
                self._units.draw(self._rng, count - few, fixed, best_NP),
            ]
        )
        means_M, deviations_M = process.predict(self._units.points(candidates_MP))
        chosen: Array = candidates_MP[log_improvement(means_M - means_N.max(), deviations_M).argmax()]
        return chosen

    def _fitted(self, told: Sequence[Seen], points_ND: Array) -> CurveProcess:
        places = np.repeat(np.arange(len(told)), [len(one.values) for one in told])
        times_N = np.concatenate([one.times for one in told])
        values_N = np.concatenate([one.values for one in told])
        known = Told(points_ND[places], times_N, places.astype(float))
        return CurveProcess(known, squashed(values_N), self._units.is_choice)


def squashed(values_N: Array) -> Array:
    """0 is the best tenth, -1 the median, below that as the logarithm: how bad the bad are matters little."""
    top, middle = np.quantile(values_N, [0.9, 0.5])
    scaled_N = (values_N - top) / (top - middle if top > middle else 1.0)
    squashed_N: Array = np.where(scaled_N < -1, -1 - np.log(np.maximum(-scaled_N, 1.0)), scaled_N)
    return squashed_N


def log_improvement(gains_M: Array, deviations_M: Array) -> Array:
    """log E[max(0, gain + deviation Z)]; far below 0, where it is too small for a float, by its tail."""
    z_M = gains_M / deviations_M
    near_M = np.maximum(z_M, -5.0)
    log_near_M = np.log(near_M * np.exp(log_ndtr(near_M)) + np.exp(_log_normal(near_M)))
    log_far_M = _log_normal(z_M) - 2 * np.log(np.maximum(-z_M, 1.0)) + 0.1
    improvement_M: Array = np.log(deviations_M) + np.where(z_M > -5, log_near_M, log_far_M)
    return improvement_M


def _log_normal(z_M: Array) -> Array:
    """The logarithm of the standard normal's density."""
    log_density_M: Array = -0.5 * z_M**2 - 0.5 * math.log(2 * math.pi)
    return log_density_M


def _drawn_in_vain(trials: Sequence[Seen]) -> int:
    """How many in a row, up to now: each halves the candidates, lest the same region be drawn for ever."""
    return sum(1 for _ in takewhile(lambda one: one.was_drawn_in_vain, reversed(trials)))
