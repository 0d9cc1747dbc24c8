"""How much each searched parameter mattered in a sweep, by Optuna's evaluators PED-ANOVA and fANOVA."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator
from sklearn.ensemble import RandomForestRegressor

from platform.config.space import Parameter, Space
from platform.tuning.search.trial_translation import distribution_of

LEAST_TRIALS: Final = 20
"""No importance is computed from fewer trials: it would show chance."""

LEAST_TOP: Final = 5
"""PED-ANOVA compares the best tenth of the trials with all, but at least this many, as Optuna advises."""

SHUFFLES: Final = 99
"""How often the trials' values are shuffled to see what chance gives: 95 % of the shuffles give no more."""

LEAST_R2: Final = 0.1
"""fANOVA counts if its forest predicts at least this share of the variance in trials that it has not seen."""


@dataclass(frozen=True)
class JudgedTrial:
    """``parameters`` by their names in the study; ``is_whole``: the trial did all its epochs."""

    parameters: Mapping[str, Any]
    value: float
    is_whole: bool


@dataclass(frozen=True)
class Importance:
    """One parameter's importance among the ``trials`` that drew it; ``whole`` of these did all their epochs.

    Attributes:
        ped_anova: how much the distribution of the best trials' values differs from that of all (Pearson
            divergence, 0: not at all). None with fewer than :data:`LEAST_TRIALS` trials.
        chance: 95 % of shuffled values stay below it.
        fanova: the share of a forest's variance that the parameter explains by itself, in [0, 1]. None with
            fewer than :data:`LEAST_TRIALS` whole trials, and where the forest predicts nothing in trials that
            it was not fitted to (out-of-bag R² below :data:`LEAST_R2`): it would share out noise.
    """

    parameter: Parameter
    trials: int
    whole: int
    ped_anova: float | None = None
    chance: float | None = None
    fanova: float | None = None

    @property
    def matters(self) -> bool:
        """Whether it is more important than chance explains."""
        return self.ped_anova is not None and self.chance is not None and self.ped_anova > self.chance


def importances(space: Space, trials: Sequence[JudgedTrial], direction: str) -> list[Importance]:
    """The importance of every parameter of ``space``, most important first; ``direction``: max or min.

    - PED-ANOVA (Watanabe et al., IJCAI 2023, arXiv 2304.10255) asks what the best tenth have in common. It
      needs only the trials' order, so stopped trials count too, as not among the best.
    - fANOVA (Hutter et al., ICML 2014) asks what moves the metric anywhere in the space. Values after
      different epochs cannot be compared, so it uses only trials that did all their epochs.

    Parameters below an option of a choice are judged among the trials that chose it. Optuna's own handling
    (Conditional PED-ANOVA, arXiv 2601.20800) compares them with the best tenth of *all* trials: where only
    the choice matters, it then finds parameters of the best option important in a quarter of studies, and
    never finds what matters below an option that has no trial among the best.
    """
    sign = -1 if direction == "max" else 1
    ranges = {one.name: distribution_of(one.range) for one in space.parameters()}
    groups: dict[str, list[Parameter]] = {}  # parameters below the same options: a trial has all or none
    for one in space.parameters():
        groups.setdefault(one.condition, []).append(one)
    rated = []
    for group in groups.values():
        names = [one.name for one in group]
        having = [trial for trial in trials if names[0] in trial.parameters]
        whole = [trial for trial in having if trial.is_whole]
        ped_anova = _ped_anova(names, _study(ranges, having, sign)) if _is_enough(having) else {}
        fanova = _fanova(_study(ranges, whole, sign)) if _is_enough(whole) else {}
        rated += [
            Importance(one, len(having), len(whole), own, chance, fanova.get(one.name))
            for one in group
            for own, chance in [ped_anova.get(one.name, (None, None))]
        ]
    return sorted(rated, key=lambda one: (one.ped_anova is None, -(one.ped_anova or 0), one.parameter.name))


def _is_enough(trials: Sequence[JudgedTrial]) -> bool:
    """Whether there are enough trials, not all of the same value."""
    return len(trials) >= LEAST_TRIALS and len({trial.value for trial in trials}) > 1


def _study(ranges: Mapping[str, BaseDistribution], trials: Sequence[JudgedTrial], sign: int) -> optuna.Study:
    """A study in memory with these trials, to be minimised."""
    with _unannounced():
        study = optuna.create_study()
    study.add_trials(
        optuna.trial.create_trial(
            params=dict(trial.parameters),
            distributions={name: ranges[name] for name in trial.parameters},
            value=sign * trial.value,
        )
        for trial in trials
    )
    return study


@contextmanager
def _unannounced() -> Iterator[None]:
    """Keep Optuna from logging every new study."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _ped_anova(names: list[str], study: optuna.Study) -> dict[str, tuple[float, float]]:
    """By name: the importance, and what chance gives."""
    costs = np.array([trial.value for trial in study.get_trials(deepcopy=False)])
    evaluator = PedAnovaImportanceEvaluator(target_quantile=max(0.1, LEAST_TOP / len(costs)))

    def rate(costs_T: Sequence[float]) -> list[float]:
        rated = evaluator.evaluate(study, names, target=lambda trial: costs_T[trial.number])
        return [float(rated[name]) for name in names]

    rng = np.random.default_rng(0)
    with warnings.catch_warnings():  # that a target is minimised, and where shuffled values tie
        warnings.simplefilter("ignore", UserWarning)
        own = rate(costs.tolist())
        shuffled = [rate(rng.permutation(costs).tolist()) for _ in range(SHUFFLES)]
    chance = np.quantile(shuffled, 0.95, axis=0, method="higher")
    return {name: (value, float(bound)) for name, value, bound in zip(names, own, chance, strict=True)}


def _fanova(study: optuna.Study) -> dict[str, float]:
    """By name, of all parameters that these trials share; empty where the forest would share out noise."""
    trials = study.get_trials(deepcopy=False)
    shared = sorted(set.intersection(*(set(trial.params) for trial in trials)))
    rows = [
        [float(trial.distributions[name].to_internal_repr(trial.params[name])) for name in shared]
        for trial in trials
    ]
    forest = RandomForestRegressor(128, oob_score=True, random_state=0)  # as Optuna's fANOVA has it
    forest.fit(rows, [trial.value for trial in trials])
    if forest.oob_score_ < LEAST_R2:
        return {}
    return FanovaImportanceEvaluator(seed=0).evaluate(study, shared)
