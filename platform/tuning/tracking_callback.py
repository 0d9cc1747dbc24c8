"""What Tune reports, handed to the tracking server by the driver: the single writer."""

from collections.abc import Mapping
from typing import Any

from ray import tune
from ray.tune.experiment import Trial

from platform.tracking.spooled_writer import SpooledWriter
from platform.training.description import best_checkpoint
from platform.tuning.failure import cause_of
from platform.tuning.names import flatten, is_below
from platform.tuning.opening import writer_in_use
from platform.tuning.outcome import FAILURE, outcome_of
from platform.tuning.sweep_folder import SweepFolder
from platform.tuning.trainable import newest_checkpoint


class TrackingCallback(tune.Callback):
    """Writes every trial of the sweep in ``folder``, by the writer that the driver has open for it."""

    def __init__(self, folder: SweepFolder) -> None:
        self.folder = folder
        self.writer: SpooledWriter | None = None
        self.started: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        return {"folder": self.folder, "writer": None, "started": set()}

    def setup(self, *args: Any, **info: Any) -> None:
        self.writer = writer_in_use()

    @property
    def _open(self) -> SpooledWriter:
        if self.writer is None:
            raise RuntimeError("the tracking callback was used before its setup")
        return self.writer

    def on_trial_start(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        self.started.add(label(trial))
        config = trial.config["trial"]
        searched = trial.config["parameters"]
        constants = {name: value for name, value in flatten(config).items() if not is_below(name, searched)}
        self._open.start_trial(label(trial), searched=searched, constants=constants, config=config)

    def on_trial_result(
        self, iteration: int, trials: list[Trial], trial: Trial, result: dict[str, Any], **info: Any
    ) -> None:
        self._open.report(label(trial), result["epoch"], metrics_of(result))

    def on_trial_complete(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        cause = trial.last_result.get(FAILURE)
        checkpoints = checkpoints_of(trial, self.folder)
        self._open.finish_trial(label(trial), outcome_of(trial.last_result), cause=cause, **checkpoints)

    def on_trial_error(self, iteration: int, trials: list[Trial], trial: Trial, **info: Any) -> None:
        if label(trial) not in self.started:  # it failed while it was built: Tune tells of no start
            self.on_trial_start(iteration, trials, trial)
        self._open.finish_trial(
            label(trial), "failed", cause=cause_of(trial), **checkpoints_of(trial, self.folder)
        )


def label(trial: Trial) -> str:
    """A trial's name everywhere: Optuna's number of it, as 0007."""
    return f"{trial.config['number']:04d}"


def metrics_of(result: Mapping[str, Any]) -> dict[str, float]:
    """The trial's own metrics of a Tune result: everything it names with a slash."""
    return {name: float(value) for name, value in result.items() if "/" in name}


def checkpoints_of(trial: Trial, folder: SweepFolder) -> dict[str, str | None]:
    """The folders of a trial's best and last checkpoint; None for both while there is none.

    Those of a trial of several workers are Ray Train's: Tune knows none, they are looked up on disk.
    """
    manager = trial.run_metadata.checkpoint_manager
    best = manager.best_checkpoint_result if manager else None
    last = manager.latest_checkpoint_result if manager else None
    if best is None and last is None:
        record, own = folder.read_record(), folder.trials / label(trial)
        best_path, last_path = best_checkpoint(own, record.metric, record.mode), newest_checkpoint(own)
        return {
            "checkpoint": str(best_path.absolute()) if best_path else None,
            "checkpoint_last": str(last_path.absolute()) if last_path else None,
        }
    return {
        "checkpoint": best.checkpoint.path if best and best.checkpoint else None,
        "checkpoint_last": last.checkpoint.path if last and last.checkpoint else None,
    }
