"""The sampler ``curves``: learns from the curves of all trials, stopped ones too, and maximises EI."""

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
from platform.tuning.samplers.curve_process import CurveProcess, Observed

Array = NDArray[np.float64]
RANDOM = 32
"""Random samples, of which the first new one is taken: in a small space most may have been drawn."""
BEST = 8
"""Best samples, around which candidates are drawn."""
WIDER = 1.5
"""Factor on the deviations in EI, as the process takes its fitted variances for certain."""


class CurveSampler(BaseSampler):
    """Takes the candidate with the largest expected improvement of its last epoch.

    EI(x) = E[max(0, f(x, E) - f*)] under a :class:`CurveProcess`, f* being the largest mean at a sample that
    was tried (Jones, Schonlau and Welch, 1998; noise makes the best value seen too large). Ranges are written
    around what is plausible, so the best of a number is expected in the middle rather than at an end: after
    n trials EI is multiplied by prior(x)^(prior_confidence / n) (piBO: Hvarfner et al., ICLR 2022), which
    fades with n; with a confidence of 0 the prior is flat. Candidates are drawn from the whole space and
    around the best samples. A sample that was drawn before is taken only if all candidates were, as it would
    train to the same end. A failed trial counts as worse than all others. The seed and the study determine
    what is drawn.
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
        """None: which parameters are active is known only once the choices are made."""
        return {}

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return {}

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Choose the whole sample when its first value is asked for; a start point's values are fixed.

        A trial that a killed process was drawing gets the same sample again. If other trials have gone on
        since and the sample would differ, the values drawn before are fixed too.
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
        with threadpool_limits(1, "blas"):  # the other cores belong to the trials
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
        known = Observed(points_ND[places], times_N, places.astype(float))
        return CurveProcess(known, squashed(values_N), self._units.is_choice)


def _with_failed(known: Sequence[Seen], others: Sequence[Seen]) -> list[Seen]:
    failed = [one for one in others if one.state == TrialState.FAIL and one.row_P is not None]
    return foremost([*known, *(replace(one, times=(1.0,), values=(-math.inf,)) for one in failed)])


def _key(row_P: Array) -> bytes:
    return np.round(row_P, 9).tobytes()


def _first_new(rows_MP: Array, tried: Set[bytes]) -> Array:
    """The first row that was not drawn before; the first of all if every row was."""
    new: Array = next((row for row in rows_MP if _key(row) not in tried), rows_MP[0])
    return new


def squashed(values_N: Array) -> Array:
    """Scale values so that the 0.9 quantile is 0 and the median -1; logarithmic below -1 and above 1.

    Differences among bad trials then matter little, and a few trials above chance do not dominate. Infinitely
    bad values become the worst finite value minus 1.
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
    """log E[max(0, gain + deviation Z)]; by its tail where it is too small for a float."""
    z_M = gains_M / deviations_M
    near_M = np.maximum(z_M, -5.0)
    log_near_M = np.log(near_M * np.exp(log_ndtr(near_M)) + norm.pdf(near_M))
    log_far_M = norm.logpdf(z_M) - 2 * np.log(np.maximum(-z_M, 1.0)) + 0.1
    improvement_M: Array = np.log(deviations_M) + np.where(z_M > -5, log_near_M, log_far_M)
    return improvement_M


def _drawn_in_vain(trials: Sequence[Seen]) -> int:
    """How many of the latest trials in a row were drawn in vain: each halves the number of candidates."""
    return sum(1 for _ in takewhile(lambda one: one.was_drawn_in_vain, reversed(trials)))
