"""Stoppers that end the whole sweep: its budget is spent, or checkpoints cannot be written any more.

Tune then ends the running trials without telling the searcher: in the study they have not ended, so that
``--resume`` goes on with them from their last checkpoints.
"""

import time
from collections.abc import Mapping
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from platform.tuning.search.past_trials import REUSED
from platform.tuning.stopping.budget import Account
from platform.tuning.trial.outcome import FAILURE, NOT_KEPT

COUNTED_EVERY_S = 0.5  # counting all trials at every step would take long in a large sweep


class BudgetWatch(tune.Stopper, tune.Callback):
    """Counts what the trials spend, as a callback, and ends the sweep with its budget, as a stopper."""

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
        self.account.add_time(now, self.running)
        if now - self.counted >= COUNTED_EVERY_S:
            self.counted = now
            self.running = sum(trial.status == Trial.RUNNING for trial in trials)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        if FAILURE not in result and not trial.config.get(REUSED):
            self.account.add_epoch(trial.config["number"], result["epoch"])

    def on_experiment_end(self, trials: list[Trial], **info: Any) -> None:
        self.account.add_time(time.monotonic(), self.running)
        self.account.save()


class StorageWatch(tune.Stopper, tune.Callback):
    """Ends the sweep when a trial could not write or read a checkpoint; ``problem`` then says why."""

    def __init__(self) -> None:
        self.problem: str | None = None

    def __call__(self, trial_id: str, result: Mapping[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self.problem is not None

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        self.problem = self.problem or result.get(NOT_KEPT)
