"""A Gaussian process over settings and epochs, fitted to the learning curves of complete and stopped trials.

Letters: N known values, M points to predict, D dimensions of the settings.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular
from scipy.optimize import minimize

Array = NDArray[np.float64]
LENGTH, LENGTH_OF_EPOCHS, LENGTH_OF_ALL = 0.15, 0.4, 0.7
JITTER = 1e-6
OWN = 4
"""Number of terms that no two trials share; theirs are the last variances."""


@dataclass(frozen=True)
class Observed:
    """Where values are known: ``points_ND`` (NaN: inactive), ``times_N`` (log e / log E), and the trial."""

    points_ND: Array
    times_N: Array
    trials_N: Array


class CurveProcess:
    """``y(x, t) = m(t) + sum_d f_d(x_d) + sum_d g_d(x_d, t) + h(x, t) + trial + trial(t) + error``.

    Each term is a Gaussian process of its own (additive kernels: Duvenaud, Nickisch and Rasmussen, NeurIPS
    2011), with a squared exponential of fixed length, or equality for a choice; a dimension that is inactive
    in either sample adds nothing. h is their product. A trial's own terms stand for its seed, the error is
    larger in early epochs. The variances are fitted: the most probable ones under log-normal priors, with a
    lower bound, so that no setting counts as irrelevant after few trials.
    """

    def __init__(self, observed: Observed, values_N: Array, is_choice: list[bool]) -> None:
        self._observed, self._is_choice = observed, is_choice
        self._mean = float(values_N.mean())
        self._rest_N = values_N - self._mean
        kernels_KNN = np.stack([*self._terms(observed, observed), *_own_terms(observed)])
        self._variances = self._fit(kernels_KNN)
        covariance_NN = np.tensordot(self._variances, kernels_KNN, 1)
        covariance_NN[np.diag_indices(len(covariance_NN))] += JITTER
        self._covariance_NN = covariance_NN
        self._solve()

    def predict(self, points_MD: Array) -> tuple[Array, Array]:
        """Mean and standard deviation [M] of new trials' last epoch, without a trial's own terms."""
        asked = _at_end(points_MD)
        cross_MN = self._covariance(asked, self._observed)
        solved_NM = solve_triangular(self._lower_NN, cross_MN.T, lower=True, check_finite=False)
        shared = self._variances[:-OWN]
        prior_M = shared[0] + shared[-1] + (~np.isnan(points_MD)) @ (shared[1:-1:2] + shared[2:-1:2])
        deviation_M = np.sqrt(np.maximum(prior_M - (solved_NM**2).sum(0), 1e-9))
        return self._mean + cross_MN @ self._weights_N, deviation_M

    def believe(self, points_MD: Array) -> None:
        """Assume that running trials end as predicted (Ginsbourger et al. 2010), so that others are drawn."""
        believed_M = self.predict(points_MD)[0] - self._mean
        asked = _at_end(points_MD)
        cross_MN = self._covariance(asked, self._observed)
        own = self._variances[-OWN] + self._variances[-2] + JITTER
        own_MM = self._covariance(asked, asked) + own * np.eye(len(points_MD))
        self._covariance_NN = np.block([[self._covariance_NN, cross_MN.T], [cross_MN, own_MM]])
        self._rest_N = np.concatenate([self._rest_N, believed_M])
        observed = self._observed
        self._observed = Observed(
            np.concatenate([observed.points_ND, asked.points_ND]),
            np.concatenate([observed.times_N, asked.times_N]),
            np.concatenate([observed.trials_N, asked.trials_N]),
        )
        self._solve()

    def _solve(self) -> None:
        self._lower_NN = np.linalg.cholesky(self._covariance_NN)
        self._weights_N = cho_solve((self._lower_NN, True), self._rest_N)

    def _covariance(self, one: Observed, other: Observed) -> Array:
        covariance: Array = np.tensordot(self._variances[:-OWN], np.stack(self._terms(one, other)), 1)
        return covariance

    def _terms(self, one: Observed, other: Observed) -> list[Array]:
        """The kernels of the terms that trials share, for each pair."""
        time = _kernel(one.times_N[:, None] - other.times_N[None], LENGTH_OF_EPOCHS)
        terms, apart = [time], np.zeros_like(time)
        for dimension, is_choice in enumerate(self._is_choice):
            difference = one.points_ND[:, dimension, None] - other.points_ND[None, :, dimension]
            both = ~np.isnan(difference)
            difference = np.where(both, difference, 0.0)
            alike = np.where(difference == 0, 1.0, 0.0) if is_choice else _kernel(difference, LENGTH)
            terms += [alike * both, alike * both * time]
            apart += (
                LENGTH_OF_ALL * (difference != 0) if is_choice else 0.5 * (difference / LENGTH_OF_ALL) ** 2
            )
        return [*terms, np.exp(-apart) * time]

    def _fit(self, kernels_KNN: Array) -> Array:
        """The terms' variances [K]: the minimum of -log p(values | variances) - log p(variances)."""
        dimensions, count = len(self._is_choice), len(self._rest_N)
        middle_K = np.log([1.0, *(0.03,) * (2 * dimensions + 1), 0.02, 0.05, 0.01, 0.05])
        spread_K = np.array([1.0, *(2.5,) * (2 * dimensions + 1), 1.0, 1.0, 1.0, 1.0])
        flat = kernels_KNN.reshape(len(kernels_KNN), -1)

        def loss(logs_K: Array) -> tuple[float, Array]:
            variances_K = np.exp(logs_K)
            covariance_NN = (variances_K @ flat).reshape(count, count) + JITTER * np.eye(count)
            lower_NN = np.linalg.cholesky(covariance_NN)
            inverse_NN = cho_solve((lower_NN, True), np.eye(count), check_finite=False)
            weights_N = inverse_NN @ self._rest_N
            value = 0.5 * self._rest_N @ weights_N + np.log(np.diag(lower_NN)).sum()
            slope_NN = inverse_NN - np.outer(weights_N, weights_N)
            slope_K = 0.5 * variances_K * (flat @ slope_NN.ravel())
            off_K = (logs_K - middle_K) / spread_K
            return float(value + 0.5 * off_K @ off_K), slope_K + off_K / spread_K

        bounds = [(middle - 1, middle + 5) for middle in middle_K]
        found = minimize(loss, middle_K, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 15})
        variances: Array = np.exp(found.x)
        return variances


def _own_terms(observed: Observed) -> list[Array]:
    """Kernels of a trial's own terms, constant and by epoch, and of the error, constant and early."""
    same = (observed.trials_N[:, None] == observed.trials_N[None]).astype(float)
    time = _kernel(observed.times_N[:, None] - observed.times_N[None], LENGTH_OF_EPOCHS)
    return [same, same * time, np.eye(len(same)), np.diag((1 - observed.times_N) ** 2)]


def _kernel(difference: Array, length: float) -> Array:
    kernel: Array = np.exp(-0.5 * (difference / length) ** 2)
    return kernel


def _at_end(points_MD: Array) -> Observed:
    count = len(points_MD)
    return Observed(points_MD, np.ones(count), np.full(count, math.nan))
