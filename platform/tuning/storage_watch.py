"""Ends a Tune experiment when what its trials have learnt cannot be kept any more."""

from collections.abc import Mapping
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from platform.tuning.trial.outcome import NOT_KEPT


class StorageWatch(tune.Stopper, tune.Callback):
    """``problem``: what a trial said of its storage, in one line; None while all is well.

    As with a budget that is spent, Tune then ends the trials that run without telling anybody: they have not
    ended in the study, and a resumed sweep goes on with them from their last checkpoints.
    """

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
