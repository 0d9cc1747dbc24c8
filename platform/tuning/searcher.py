"""Optuna's sampler behind Tune: samples the conditional space, and tells early stops as what they are."""

import logging
import warnings
from typing import Any

import optuna
from optuna.samplers import BaseSampler
from optuna.trial import Trial, TrialState
from ray.tune.search.optuna import OptunaSearch

from platform.config.errors import ConfigError
from platform.config.load import LoadedSpace
from platform.config.ranges import NumberRange, Range
from platform.tuning.outcome import outcome_of
from platform.tuning.sweep_config import RandomSampler, SearchConfig, SweepConfig, TpeSampler

logger = logging.getLogger(__name__)
MAX_REDRAWS = 100


class SpaceSearch(OptunaSearch):
    """Ray's OptunaSearch over a :class:`LoadedSpace`, with the study named after the sweep.

    It differs from its base in what it tells the study at a trial's end: one that the scheduler stopped is
    PRUNED (its base says COMPLETE), and a completed one's value is the best epoch's, as in the ranking.
    A suggestion is ``{"number", "parameters", "trial"}``: Optuna's number, the sampled values by
    dotted path, and the validated trial's settings as JSON.
    """

    def __init__(self, loaded: LoadedSpace[SweepConfig], study_name: str) -> None:
        config = loaded.first()
        self._loaded = loaded
        self._selects_on = config.search.metric
        self._values: dict[str, list[float]] = {}
        self._paths = {parameter.name: parameter.path for parameter in loaded.space.parameters()}
        super().__init__(
            space=self._sample,
            metric=config.search.metric,
            mode=config.search.direction,
            sampler=make_sampler(config.search, config.seed),
            study_name=study_name,
        )

    def _sample(self, trial: Trial) -> dict[str, Any]:
        parameters: dict[str, Any] = {}

        def pick(name: str, range_: Range) -> Any:
            value = parameters[self._paths[name]] = suggest(trial, name, range_)
            return value

        config = self._loaded.build(pick)
        return {
            "number": trial.number,
            "parameters": parameters,
            "trial": config.trial().model_dump(mode="json"),
        }

    def suggest(self, trial_id: str) -> dict[str, Any] | None:
        """A sample that builds no valid trial, as one between valid corners may, is told as FAIL and redrawn.

        Raises ConfigError when a hundred in a row are invalid.
        """
        for attempt in range(MAX_REDRAWS):
            try:
                suggestion = super().suggest(trial_id)
            except ConfigError as error:
                self.study.tell(self._ot_trials.pop(trial_id), state=TrialState.FAIL)
                logger.warning("a sample was drawn again: %s", error)
                if attempt == MAX_REDRAWS - 1:
                    raise
            else:
                return suggestion and {key: suggestion[key] for key in ("number", "parameters", "trial")}
        return None

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Tune hands a trial's last result to this method alone, so it is reported to the study here."""
        if trial_id in self._completed_trials:
            return
        if result and self._selects_on in result:
            self.on_trial_result(trial_id, result)
        study, trial, values = self.study, self._ot_trials[trial_id], self._values.pop(trial_id, [])
        outcome = outcome_of(result or {})
        if error or outcome == "failed" or not values:
            study.tell(trial, state=TrialState.FAIL)
        elif outcome == "finished":
            study.tell(trial, max(values) if self._mode == "max" else min(values))
        else:
            study.tell(trial, state=TrialState.PRUNED)
        self._completed_trials.add(trial_id)

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        super().on_trial_result(trial_id, result)
        self._values.setdefault(trial_id, []).append(result[self._selects_on])

    @property
    def study(self) -> optuna.Study:
        if self._ot_study is None:
            raise RuntimeError("the search has no study yet")
        return self._ot_study


def suggest(trial: Trial, name: str, range_: Range) -> Any:
    """Ask Optuna for one value: a number of the closed range, or one of a choice's labels."""
    if isinstance(range_, NumberRange):
        if range_.is_int:
            return trial.suggest_int(name, int(range_.low), int(range_.high), log=range_.is_log)
        return trial.suggest_float(name, range_.low, range_.high, log=range_.is_log)
    return trial.suggest_categorical(name, range_.labels)


def make_sampler(config: SearchConfig, seed: int) -> BaseSampler:
    match config.sampler:
        case RandomSampler():
            return optuna.samplers.RandomSampler(seed=seed)
        case TpeSampler() as tpe:
            with warnings.catch_warnings():
                # Optuna calls these options experimental; conditional spaces and parallel trials need them.
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                return optuna.samplers.TPESampler(
                    seed=seed,
                    n_startup_trials=tpe.n_startup_trials,
                    multivariate=tpe.multivariate,
                    group=tpe.multivariate,
                    constant_liar=True,
                )
