"""Ray Tune's scheduler of a search."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.schedulers import (
    AsyncHyperBandScheduler,
    FIFOScheduler,
    HyperBandScheduler,
    MedianStoppingRule,
    TrialScheduler,
)

from platform.tuning.search.past_trials import REUSED, PastTrial
from platform.tuning.settings.scheduler_config import AshaScheduler, HyperbandScheduler, MedianScheduler, NoScheduler
from platform.tuning.settings.search_config import SearchConfig
from platform.tuning.trial_seed import seed_of


def make_scheduler(search: SearchConfig, *, max_epochs: int, seed: int) -> TrialScheduler:
    """It judges by the first goal: no scheduler of Tune's, and no pruner of Optuna's, knows several."""
    first = search.first
    selects: dict[str, Any] = {"time_attr": "epoch", "metric": first.metric, "mode": first.direction}
    match search.scheduler:
        case AshaScheduler() as asha:
            options = asha.model_dump(exclude={"name"}) | {"grace_period": asha.first_rung(max_epochs)}
            return SeededAsha(seed, **selects, **options, max_t=max_epochs)
        case MedianScheduler() as median:
            options = median.model_dump(exclude={"name"})
            never = {"min_time_slice": math.inf} if median.min_time_slice is None else {}
            return SparingMedian(**selects, **options | never)
        case HyperbandScheduler() as hyperband:
            return HyperBandScheduler(**selects, **hyperband.model_dump(exclude={"name"}), max_t=max_epochs)
        case NoScheduler():
            return FIFOScheduler()


class SeededAsha(AsyncHyperBandScheduler):
    """Which bracket a trial is in follows from the seed and the trial's number.

    Ray draws it from numpy's global generator, which nobody has seeded.
    """

    def __init__(self, seed: int, **options: Any) -> None:
        super().__init__(**options)
        self._seed = seed

    def on_trial_add(self, tune_controller: TuneController, trial: Trial) -> None:
        state = np.random.get_state()
        np.random.seed(seed_of(self._seed, trial.config["number"]))
        try:
            super().on_trial_add(tune_controller, trial)
        finally:
            np.random.set_state(state)

    def on_trial_result(self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]) -> str:
        """Others are judged by a reused trial, but it is not stopped: its epochs cost nothing."""
        decision = super().on_trial_result(tune_controller, trial, result)
        return TrialScheduler.CONTINUE if trial.config.get(REUSED) else decision


class SparingMedian(MedianStoppingRule):
    """Stops no reused trial, whose epochs cost nothing; others are judged by it."""

    def on_trial_result(self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]) -> str:
        decision = super().on_trial_result(tune_controller, trial, result)
        if trial.config.get(REUSED):
            self._stopped_trials.discard(trial)
            return TrialScheduler.CONTINUE
        return decision


@dataclass(frozen=True)
class _Remembered:
    """As much of a Tune trial as a scheduler looks at."""

    trial_id: str
    config: dict[str, int]

    def __hash__(self) -> int:
        return hash(self.trial_id)


def remember(scheduler: TrialScheduler, past: Iterable[PastTrial], metric: str) -> None:
    """Let the scheduler of a resumed sweep judge by the trials that have ended, as if it had seen them.

    HyperBand's brackets are formed anew: its trials wait for each other, and those that ended wait no more.
    """
    if not isinstance(scheduler, SeededAsha | MedianStoppingRule):
        return
    nobody: Any = None
    for one in past:
        trial: Any = _Remembered(f"past_{one.number}", {"number": one.number})
        scheduler.on_trial_add(nobody, trial)
        for epoch, value in sorted(one.values.items()):
            result = {"epoch": epoch, "training_iteration": epoch, metric: value}
            scheduler.on_trial_result(nobody, trial, result)
