"""The sampler `curves`: learns from the epochs of all trials, stopped or not, what a full one is worth."""

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study, StudyDirection
from optuna.trial import FrozenTrial, TrialState
from scipy.special import log_ndtr
from scipy.stats import norm
from threadpoolctl import threadpool_limits

from platform.config.space import Space
from platform.tuning.curve_process import CurveProcess, Told
from platform.tuning.statistic import Statistic, value_of
from platform.tuning.unit_space import UnitSpace

Array = NDArray[np.float64]
SHARES = (0.15, 0.3, 0.45, 0.65)
"""Of the longest trial's epochs those that are looked at, beside its last: what it was worth by then."""
BEST = 8
"""Samples whose changes are candidates."""
MOST = 300
"""Values that the process is fitted to, which takes time as their number cubed and memory as it squared."""


class CurveSampler(BaseSampler):
    """Takes the candidate with the largest expected improvement of its last epoch.

    EI(x) = E[max(0, f(x, E) - f*)] under a :class:`CurveProcess`, f* being the largest mean at a sample that
    was tried (Jones, Schonlau and Welch, 1998; noise makes the best value seen too large). Candidates are
    drawn from the whole space and around the best samples. What it draws follows from the seed and the study.
    """

    def __init__(
        self,
        space: Space,
        *,
        epochs: int,
        statistic: Statistic,
        seed: int,
        n_startup_trials: int,
        n_ei_candidates: int,
    ) -> None:
        self._units = UnitSpace(space)
        self._epochs = max(epochs, 2)
        self._statistic: Statistic = statistic
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
        others = [one for one in study.get_trials(deepcopy=False) if one.number != trial.number]
        drawn = ((one.number, self._units.units(one.params)) for one in others if one.params)
        rows = {number: row for number, row in drawn if row is not None}
        known = [one for one in others if one.number in rows and _has_values(one)]
        sign = _sign(study.direction)
        told = foremost(known, sign, {one.number: len(self._looked_at(one)) for one in known})
        running = [one for one in others if one.state == TrialState.RUNNING]
        pending = [rows[one.number] for one in running if one.number in rows]
        started = len(known) + sum(not _has_values(one) for one in running)
        count = self._n_ei_candidates >> _drawn_in_vain(others)
        if not told or started < self._n_startup_trials or count < 2:
            random: Array = self._units.draw(self._rng, 1, fixed)[0]
            return random
        units_NP = np.stack([rows[one.number] for one in told])
        pending_QP = np.stack(pending) if pending else units_NP[:0]
        with threadpool_limits(1, "blas"):  # the other cores are the trials'
            return self._most_promising(told, units_NP, pending_QP, sign, fixed, count)

    def _most_promising(
        self,
        told: Sequence[FrozenTrial],
        units_NP: Array,
        pending_QP: Array,
        sign: float,
        fixed: Mapping[str, Any],
        count: int,
    ) -> Array:
        process = self._fitted(told, self._units.points(units_NP), sign)
        means_N, _ = process.predict(self._units.points(units_NP))
        if len(pending_QP):
            process.believe(self._units.points(pending_QP))
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

    def _fitted(self, told: Sequence[FrozenTrial], points_ND: Array, sign: float) -> CurveProcess:
        places, times, values = [], [], []
        for place, trial in enumerate(told):
            seen = {epoch: sign * value for epoch, value in sorted(_finite(trial).items())}
            for epoch in self._looked_at(trial):
                until = [value for one, value in seen.items() if one <= epoch]
                places.append(place)
                times.append(math.log(epoch) / math.log(self._epochs))
                values.append(value_of(until, self._statistic, "max"))
        known = Told(points_ND[places], np.array(times), np.array(places, float))
        return CurveProcess(known, squashed(np.array(values)), self._units.is_choice)

    def _looked_at(self, trial: FrozenTrial) -> list[int]:
        seen = _finite(trial)
        return sorted({round(share * self._epochs) for share in SHARES} & seen.keys() | {max(seen)})


def foremost(trials: Sequence[FrozenTrial], sign: float, sizes: Mapping[int, int]) -> list[FrozenTrial]:
    """Of more than MOST values those of the best trials, a half, and of the latest of the others.

    ``sizes``: how many values each has, by its number.
    """
    if sum(sizes[one.number] for one in trials) <= MOST:
        return list(trials)
    worth = {one.number: max(sign * value for value in _finite(one).values()) for one in trials}
    ranked = sorted(trials, key=lambda one: -worth[one.number])
    kept = _first_of(ranked, MOST // 2, sizes)
    others = sorted(ranked[len(kept) :], key=lambda one: -one.number)
    return sorted([*kept, *_first_of(others, MOST - MOST // 2, sizes)], key=lambda one: one.number)


def _first_of(trials: Sequence[FrozenTrial], most: int, sizes: Mapping[int, int]) -> list[FrozenTrial]:
    """As many as have no more than so many values together."""
    until = accumulate(sizes[one.number] for one in trials)
    return [one for one, values in zip(trials, until, strict=True) if values <= most]


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
    log_near_M = np.log(near_M * np.exp(log_ndtr(near_M)) + norm.pdf(near_M))
    log_far_M = norm.logpdf(z_M) - 2 * np.log(np.maximum(-z_M, 1.0)) + 0.1
    improvement_M: Array = np.log(deviations_M) + np.where(z_M > -5, log_near_M, log_far_M)
    return improvement_M


def _sign(direction: StudyDirection) -> float:
    """1 of what is to be large, -1 of what is to be small."""
    return -1.0 if direction == StudyDirection.MINIMIZE else 1.0


def _finite(trial: FrozenTrial) -> dict[int, float]:
    return {epoch: value for epoch, value in trial.intermediate_values.items() if math.isfinite(value)}


def _has_values(trial: FrozenTrial) -> bool:
    return bool(_finite(trial))


def _drawn_in_vain(trials: Sequence[FrozenTrial]) -> int:
    """Samples in a row, up to now, that fulfilled no constraint: each halves the candidates, so that the same
    region is not drawn for ever."""
    count = 0
    for trial in reversed(trials):
        if trial.state not in (TrialState.PRUNED, TrialState.FAIL) or _has_values(trial):
            break
        count += 1
    return count
