"""Ray Tune's schedulers, as ``search.scheduler`` names them, and what they know after ``--resume``."""

import math
from collections.abc import Iterable, Sequence
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
from platform.tuning.settings.scheduler_config import (
    AshaScheduler,
    HyperbandScheduler,
    MedianScheduler,
    NoScheduler,
)
from platform.tuning.settings.search_config import SearchConfig
from platform.tuning.trial_seed import seed_of


def make_scheduler(search: SearchConfig, *, max_epochs: int, seed: int) -> TrialScheduler:
    """The scheduler of a search; it compares trials by the first goal, as none in Tune knows several."""
    first = search.first
    selects: dict[str, Any] = {"time_attr": "epoch", "metric": first.metric, "mode": first.direction}
    match search.scheduler:
        case AshaScheduler() as asha if asha.first_rung(max_epochs) > max_epochs:
            return FIFOScheduler()  # Ray refuses a first rung after the end; the plan says that none stops
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
    """Ray's ASHA, with a trial's bracket drawn from the seed and the trial's number.

    Ray draws it from NumPy's global generator, which is not seeded. A reused trial is never stopped, as its
    epochs cost nothing; others are compared with it.
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
        decision = super().on_trial_result(tune_controller, trial, result)
        return TrialScheduler.CONTINUE if trial.config.get(REUSED) else decision


class SparingMedian(MedianStoppingRule):
    """Ray's median rule, which also knows reused trials, failed trials and those of an earlier process.

    A reused trial is never stopped, as its epochs cost nothing; others are compared with it.
    """

    def on_trial_result(self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]) -> str:
        decision = super().on_trial_result(tune_controller, trial, result)
        if trial.config.get(REUSED):
            self._stopped_trials.discard(trial)
            return TrialScheduler.CONTINUE
        return decision

    def on_trial_complete(
        self, tune_controller: TuneController, trial: Trial, result: dict[str, Any]
    ) -> None:
        """Keep the last result once, and only if it has the metric: Ray reads it from all that are kept."""
        heard = self._results[trial][-1:] if trial in self._results else []
        if self._metric in result and [one[self._time_attr] for one in heard] != [result[self._time_attr]]:
            super().on_trial_complete(tune_controller, trial, result)

    def keep(self, number: int, results: Sequence[dict[str, Any]]) -> None:
        """Compare others with the trial ``number``, which ended in an earlier process with these results.

        The rule is not asked to judge that trial again: with the others known, it might stop a trial that ran
        to its end, and Ray allows no result after that.
        """
        if results:
            self._results[f"past_{number}"] += results


@dataclass(frozen=True)
class _Remembered:
    """The fields of a Tune trial that ASHA reads."""

    trial_id: str
    config: dict[str, int]


def remember(scheduler: TrialScheduler, past: Iterable[PastTrial], metric: str) -> None:
    """Let a resumed sweep's scheduler compare trials with those that ended in earlier processes.

    HyperBand starts with new brackets: its trials wait for each other, and ended trials do not wait.
    """
    nobody: Any = None
    for one in past:
        results = [
            {"epoch": epoch, "training_iteration": epoch, metric: value}
            for epoch, value in sorted(one.values.items())
        ]
        if isinstance(scheduler, SparingMedian):
            scheduler.keep(one.number, results)
        elif isinstance(scheduler, SeededAsha):
            trial: Any = _Remembered(f"past_{one.number}", {"number": one.number})
            scheduler.on_trial_add(nobody, trial)
            for result in results:
                scheduler.on_trial_result(nobody, trial, result)
