"""Ends a Tune experiment when the sweep's budget is spent."""

import time
from collections.abc import Mapping
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from platform.tuning.stopping.budget import Account
from platform.tuning.trial.outcome import FAILURE
from platform.tuning.search.past_trials import REUSED

COUNTED_EVERY_S = 0.5  # going through all trials at every step would cost the more, the more there are


class BudgetWatch(tune.Stopper, tune.Callback):
    """Counts what is spent, as a callback, and says stop, as a stopper.

    Tune then ends the trials that run without telling anybody: in the study they have not ended, so that a
    resumed sweep with a larger budget goes on with them, from their last epochs.
    """

    def __init__(self, account: Account) -> None:
        self.account = account
        self.running = 0
        self.counted = float("-inf")

    def __call__(self, trial_id: str, result: Mapping[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self.account.balance.reached is not None

    def on_step_begin(self, iteration: int, trials: list[Trial], **info: Any) -> None:
        now = time.monotonic()
        self.account.passed(now, self.running)
        if now - self.counted >= COUNTED_EVERY_S:
            self.counted = now
            self.running = sum(trial.status == Trial.RUNNING for trial in trials)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        if FAILURE not in result and not trial.config.get(REUSED):
            self.account.told(trial.config["number"], result["epoch"])

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        self.account.passed(time.monotonic(), self.running)
        self.account.save()
