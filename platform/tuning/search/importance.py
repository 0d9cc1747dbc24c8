"""How much each searched parameter mattered, by Optuna's own evaluators of a sweep's trials."""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import optuna
from optuna.importance import FanovaImportanceEvaluator, PedAnovaImportanceEvaluator
from optuna.trial import FrozenTrial
from sklearn.ensemble import RandomForestRegressor

from platform.config.space import Parameter, Space
from platform.tuning.search.trial_translation import distribution_of
from platform.tuning.search.study import DIRECTIONS

LEAST_TRIALS: Final = 20
"""Of fewer trials no importance is worked out: it would tell chance."""

LEAST_TOP: Final = 5
"""Trials that PED-ANOVA compares with all at least, as Optuna advises; of more than 50 the best tenth."""

SHUFFLES: Final = 99
"""How often the trials' values are dealt out anew to see what chance gives: 95 % of them give no more."""


LEAST_R2: Final = 0.1
"""Share of the variance that a forest must foretell of trials it has not seen, for fANOVA to count."""


@dataclass(frozen=True)
class JudgedTrial:
    """``parameters`` by their names in the study; ``is_whole``: it did all its epochs."""

    parameters: Mapping[str, Any]
    value: float
    is_whole: bool


@dataclass(frozen=True)
class Importance:
    """Of one parameter, among the ``trials`` that drew it, of which ``whole`` did all their epochs.

    Attributes:
        ped_anova: how far the values of the best trials are spread otherwise than those of all (Pearson
            divergence, 0: not at all). None of fewer than :data:`LEAST_TRIALS`.
        chance: what 95 % of shuffled values stay below.
        fanova: the share of a forest's variance that the parameter explains by itself, in [0, 1]. None of
            fewer than :data:`LEAST_TRIALS` whole ones, and where a forest foretells nothing of trials that it
            was not fitted to (out-of-bag R² below :data:`LEAST_R2`): it shares out noise just as well.
    """

    parameter: Parameter
    trials: int
    whole: int
    ped_anova: float | None = None
    chance: float | None = None
    fanova: float | None = None

    @property
    def matters(self) -> bool:
        """Whether it is more important than chance would have it."""
        return self.ped_anova is not None and self.chance is not None and self.ped_anova > self.chance


def importances(space: Space, trials: Sequence[JudgedTrial], direction: str) -> list[Importance]:
    """Of every parameter of ``space``, the most important first; ``direction``: max or min.

    - PED-ANOVA (Watanabe et al., IJCAI 2023, arXiv 2304.10255) asks what the best tenth have in common. It
      needs no more than the trials' order, so those that were stopped early count, too, as not the best.
    - fANOVA (Hutter et al., ICML 2014) asks what moves the metric, anywhere in the space: values after
      different epochs cannot be compared, so it sees trials that did all their epochs alone.

    Parameters below an option of a choice are judged among the trials that chose it.
    """
    groups: dict[str, list[Parameter]] = {}
    for one in space.parameters():
        groups.setdefault(one.condition, []).append(one)
    found = [one for group in groups.values() for one in _of_group(group, space, trials, direction)]
    return sorted(found, key=lambda one: (one.ped_anova is None, -(one.ped_anova or 0), one.parameter.name))


def _of_group(
    group: Sequence[Parameter], space: Space, trials: Sequence[JudgedTrial], direction: str
) -> list[Importance]:
    """Of parameters below the same options, which a trial has all or none of."""
    having = [trial for trial in trials if group[0].name in trial.parameters]
    whole = [trial for trial in having if trial.is_whole]
    names = [one.name for one in group]
    ped_anova = _ped_anova(names, _study(space, having, direction)) if _is_enough(having) else {}
    fanova = _fanova(names, _study(space, whole, direction)) if _is_enough(whole) else {}
    return [
        Importance(one, len(having), len(whole), own, chance, fanova.get(one.name))
        for one in group
        for own, chance in [ped_anova.get(one.name, (None, None))]
    ]


def _is_enough(trials: Sequence[JudgedTrial]) -> bool:
    """Enough trials, and any difference between them."""
    return len(trials) >= LEAST_TRIALS and len({trial.value for trial in trials}) > 1


def _study(space: Space, trials: Sequence[JudgedTrial], direction: str) -> optuna.Study:
    """These trials as a study of their own, in memory."""
    ranges = {one.name: distribution_of(one.range) for one in space.parameters()}
    with _unannounced():
        study = optuna.create_study(direction=DIRECTIONS[direction])
    study.add_trials(
        optuna.trial.create_trial(
            params=dict(trial.parameters),
            distributions={name: ranges[name] for name in trial.parameters},
            value=trial.value,
        )
        for trial in trials
    )
    return study


@contextmanager
def _unannounced() -> Iterator[None]:
    """Optuna announces every new study on the terminal."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _ped_anova(names: list[str], study: optuna.Study) -> dict[str, tuple[float, float]]:
    """By name the importance, and what chance gives."""
    values = np.array([trial.value for trial in study.get_trials(deepcopy=False)])
    costs = -values if study.direction == optuna.study.StudyDirection.MAXIMIZE else values
    evaluator = PedAnovaImportanceEvaluator(target_quantile=max(0.1, LEAST_TOP / len(costs)))

    def of(costs_T: Sequence[float]) -> list[float]:
        def cost(trial: FrozenTrial) -> float:
            return costs_T[trial.number]

        found = evaluator.evaluate(study, names, target=cost)
        return [float(found[name]) for name in names]

    rng = np.random.default_rng(0)
    with warnings.catch_warnings():  # that a target is minimised, and where shuffled values tie
        warnings.simplefilter("ignore", UserWarning)
        own = of(costs.tolist())
        shuffled = [of(rng.permutation(costs).tolist()) for _ in range(SHUFFLES)]
    chance = np.quantile(shuffled, 0.95, axis=0, method="higher")
    return {name: (value, float(bound)) for name, value, bound in zip(names, own, chance, strict=True)}


def _fanova(names: Sequence[str], study: optuna.Study) -> dict[str, float]:
    """Fitted to all parameters that these trials share; by name, none where it would share out noise."""
    shared = set.intersection(*(set(trial.params) for trial in study.get_trials(deepcopy=False)))
    if _foretold(sorted(shared), study) < LEAST_R2:
        return {}
    found = FanovaImportanceEvaluator(seed=0).evaluate(study, sorted(shared))
    return {name: float(found[name]) for name in names}


def _foretold(names: Sequence[str], study: optuna.Study) -> float:
    """R² of a forest like fANOVA's, each trial foretold by the trees that were not fitted to it."""
    trials = study.get_trials(deepcopy=False)
    rows = [
        [
            float(kind.to_internal_repr(trial.params[name]))
            for name in names
            for kind in [trial.distributions[name]]
        ]
        for trial in trials
    ]
    forest = RandomForestRegressor(128, oob_score=True, random_state=0)
    forest.fit(rows, [trial.value for trial in trials])
    return float(forest.oob_score_)
