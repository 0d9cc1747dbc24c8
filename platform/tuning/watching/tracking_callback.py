"""Writes Tune's results to MLflow from the driver, which is the only writer."""

from collections.abc import Mapping
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from platform.tracking import tag_names
from platform.tracking.environment import code_version
from platform.tracking.writing.spooled_writer import SpooledWriter
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.names import confirms, constants_of
from platform.tuning.search.past_trials import REUSED
from platform.tuning.trial.failure import cause_of
from platform.tuning.trial.kept_checkpoints import Keeping, keeping_of
from platform.tuning.trial.outcome import FAILURE, NOT_KEPT, outcome_of
from platform.tuning.trial.trainable import name_of


class TrackingCallback(tune.Callback):
    """Records every trial of the sweep in ``folder`` through the driver's open writer."""

    def __init__(self, folder: SweepFolder, writer: SpooledWriter) -> None:
        self.keeping = keeping_of(folder)
        self.writer = writer
        self.started: set[str] = set()
        self.code = code_version().key

    def __getstate__(self) -> dict[str, Any]:
        """Without the open spool: Tune saves its callbacks, and nothing reads that."""
        return {"keeping": self.keeping, "started": self.started, "code": self.code}

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self.started.add(label(trial))
        config = trial.config["trial"]
        searched = trial.config["parameters"]
        constants = constants_of(config, searched)
        self.writer.start_trial(
            label(trial),
            searched=searched,
            constants=constants,
            config=config,
            confirms=confirms(trial.config["number"]),
            marks=({tag_names.CODE: self.code} if self.code else {}) | reused_mark(trial.config.get(REUSED)),
        )

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        if NOT_KEPT not in result:
            self.writer.report(label(trial), result["epoch"], metrics_of(result))

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        cause = trial.last_result.get(FAILURE)
        checkpoints = checkpoints_of(label(trial), self.keeping)
        self.writer.finish_trial(label(trial), outcome_of(trial.last_result), cause=cause, **checkpoints)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        if label(trial) not in self.started:  # it failed while it was set up, for which Tune reports no start
            self.on_trial_start(iteration, trials, trial)
        self.writer.finish_trial(
            label(trial), "failed", cause=cause_of(trial), **checkpoints_of(label(trial), self.keeping)
        )


def reused_mark(earlier: str | None) -> dict[str, str]:
    """The tag of a trial whose result comes from the trial ``earlier``; none without one."""
    return {tag_names.REUSED_FROM: earlier} if earlier else {}


def label(trial: Trial) -> str:
    """A trial's name."""
    return name_of(trial.config)


def metrics_of(result: Mapping[str, Any]) -> dict[str, float]:
    """The trial's own metrics in a Tune result: all with a slash in their name."""
    return {name: float(value) for name, value in result.items() if "/" in name}


def checkpoints_of(trial: str, keeping: Keeping) -> dict[str, str | None]:
    """The folders of a trial's best and last checkpoint; None for a checkpoint that does not exist."""
    best, newest = keeping.of(trial).best_and_newest()
    return {
        "checkpoint": str(best) if best else None,
        "checkpoint_last": str(newest) if newest else None,
    }
