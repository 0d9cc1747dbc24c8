"""The sampler `curves`: learns from the epochs of all trials, stopped or not, what a full one is worth."""

import math
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from functools import partial
from itertools import takewhile
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState
from scipy.special import log_ndtr
from scipy.stats import norm
from threadpoolctl import threadpool_limits

from platform.tuning.samplers.curve_memory import CurveMemory, Seen, foremost
from platform.tuning.samplers.curve_process import CurveProcess, Told

Array = NDArray[np.float64]
RANDOM = 32
"""Random samples, of which the first new one is taken: of a space of few points most may have been drawn."""
BEST = 8
"""Samples whose changes are candidates."""
WIDER = 1.5
"""Deviations in the expected improvement, as the process takes its fitted variances for true."""


class CurveSampler(BaseSampler):
    """Takes the candidate with the largest expected improvement of its last epoch.

    EI(x) = E[max(0, f(x, E) - f*)] under a :class:`CurveProcess`, f* being the largest mean at a sample that
    was tried (Jones, Schonlau and Welch, 1998; noise makes the best value seen too large). Ranges are written
    around what is plausible, so the best of a number is expected in the middle rather than at an end: after
    n trials EI is multiplied by prior(x)^(prior_confidence / n) (piBO: Hvarfner et al., ICLR 2022), of which
    each trial leaves less; with a confidence of 0 all places are alike. Candidates are drawn from the whole
    space and around the best samples; none that was drawn before, as the same sample trains to the same end,
    while there are others. A failed trial, whatever it had reached, counts as worse than all others. What it
    draws follows from the seed and the study.
    """

    def __init__(
        self,
        memory: CurveMemory,
        *,
        seed: int,
        n_startup_trials: int,
        n_ei_candidates: int,
        prior_confidence: float,
    ) -> None:
        self._memory = memory
        self._units = memory.units
        self._rng = np.random.default_rng(seed)
        self._n_startup_trials = n_startup_trials
        self._n_ei_candidates = n_ei_candidates
        self._confidence = prior_confidence
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
        tried = {_key(one.row_P) for one in others if one.row_P is not None}
        known = [one for one in others if one.is_known]
        running = [one for one in others if one.state == TrialState.RUNNING]
        started = len(known) + sum(not one.values for one in running)
        in_vain = _drawn_in_vain(others)
        shape = 2.0 if self._confidence and not in_vain else 1.0
        draw = partial(self._units.draw, self._rng, fixed=fixed, shape=shape)
        count = self._n_ei_candidates >> in_vain
        if not known or started < self._n_startup_trials or count < 2:
            return _first_new(draw(RANDOM), tried)
        pending = [one.row_P for one in running if one.row_P is not None]
        with threadpool_limits(1, "blas"):  # the other cores are the trials'
            ranked_MP = self._most_promising(_with_failed(known, others), pending, draw, count)
        return _first_new(ranked_MP, tried)

    def _most_promising(
        self, told: Sequence[Seen], pending: Sequence[Array], draw: Callable[..., Array], count: int
    ) -> Array:
        """Candidates, the best first."""
        units_NP = np.stack([one.row_P for one in told if one.row_P is not None])
        process = self._fitted(told, self._units.points(units_NP))
        means_N, _ = process.predict(self._units.points(units_NP))
        if pending:
            process.believe(self._units.points(np.stack(pending)))
        best_NP = units_NP[np.argsort(-means_N, kind="stable")[:BEST]]
        few = max(1, count * 3 // 10)
        candidates_MP = np.concatenate([draw(few), draw(count - few, near_NP=best_NP)])
        means_M, deviations_M = process.predict(self._units.points(candidates_MP))
        worth_M = log_improvement(means_M - means_N.max(), WIDER * deviations_M)
        trials = 1 + max(one.number for one in told)
        worth_M += self._confidence / trials * self._units.log_prior(candidates_MP)
        ranked_MP: Array = candidates_MP[np.argsort(-worth_M, kind="stable")]
        return ranked_MP

    def _fitted(self, told: Sequence[Seen], points_ND: Array) -> CurveProcess:
        places = np.repeat(np.arange(len(told)), [len(one.values) for one in told])
        times_N = np.concatenate([one.times for one in told])
        values_N = np.concatenate([one.values for one in told])
        known = Told(points_ND[places], times_N, places.astype(float))
        return CurveProcess(known, squashed(values_N), self._units.is_choice)


def _with_failed(known: Sequence[Seen], others: Sequence[Seen]) -> list[Seen]:
    failed = [one for one in others if one.state == TrialState.FAIL and one.row_P is not None]
    return foremost([*known, *(replace(one, times=(1.0,), values=(-math.inf,)) for one in failed)])


def _key(row_P: Array) -> bytes:
    return np.round(row_P, 9).tobytes()


def _first_new(rows_MP: Array, tried: Set[bytes]) -> Array:
    """The first that was not drawn before; where all were, the first."""
    new: Array = next((row for row in rows_MP if _key(row) not in tried), rows_MP[0])
    return new


def squashed(values_N: Array) -> Array:
    """0 is the best tenth, -1 the median; from there on, and above 1, as the logarithm.

    How bad the bad are matters little; and where few have left chance, they are not all that counts. What is
    infinitely bad is below the worst by one.
    """
    finite_N = np.isfinite(values_N)
    if not finite_N.all():
        finite_squashed = squashed(values_N[finite_N])
        all_N = np.full(len(values_N), finite_squashed.min() - 1)
        all_N[finite_N] = finite_squashed
        return all_N
    top, middle = np.quantile(values_N, [0.9, 0.5])
    scaled_N = (values_N - top) / (top - middle if top > middle else 1.0)
    beyond_N = np.sign(scaled_N) * (1 + np.log(np.maximum(np.abs(scaled_N), 1.0)))
    squashed_N: Array = np.where(np.abs(scaled_N) > 1, beyond_N, scaled_N)
    return squashed_N


def log_improvement(gains_M: Array, deviations_M: Array) -> Array:
    """log E[max(0, gain + deviation Z)]; far below 0, where it is too small for a float, by its tail."""
    z_M = gains_M / deviations_M
    near_M = np.maximum(z_M, -5.0)
    log_near_M = np.log(near_M * np.exp(log_ndtr(near_M)) + norm.pdf(near_M))
    log_far_M = norm.logpdf(z_M) - 2 * np.log(np.maximum(-z_M, 1.0)) + 0.1
    improvement_M: Array = np.log(deviations_M) + np.where(z_M > -5, log_near_M, log_far_M)
    return improvement_M


def _drawn_in_vain(trials: Sequence[Seen]) -> int:
    """How many in a row, up to now: each halves the candidates, lest the same region be drawn for ever."""
    return sum(1 for _ in takewhile(lambda one: one.was_drawn_in_vain, reversed(trials)))
