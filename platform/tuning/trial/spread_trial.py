"""A trial with several workers as Tune runs it: a function that starts Ray Train's TorchTrainer.

Ray Train writes the trial's checkpoints: in the trial's folder, one per epoch, of which the best and the last
are kept. When a worker or a machine dies, Train replaces it and goes on from the last checkpoint. When all
die, Tune calls the function again, and Train finds the checkpoints by the trial's name.
"""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ray import train, tune
from ray.train import ControllerError, WorkerGroupError
from ray.train.torch import TorchConfig, get_device
from ray.train.v2._internal.exceptions import WorkerGroupStartupTimeoutError
from ray.train.v2._internal.execution.context import TrainRunContext
from ray.train.v2.api.config import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
from ray.train.v2.torch.torch_trainer import TorchTrainer
from ray.tune.integration.ray_train import TuneReportCallback

from platform.storage.disk import StorageError, written_to
from platform.storage.folder import Folder
from platform.training.loop.trainer import Trainer
from platform.training.loop.trainer_checkpoints import restore, save_checkpoint
from platform.training.loop.workers import Workers
from platform.tuning.cluster.resources import TrialResources, cores_and_gpus
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.trial.footprint import train_epoch
from platform.tuning.trial.kept_checkpoints import Keeping
from platform.tuning.trial.outcome import FINAL, error_text, failure_result, not_kept_result
from platform.tuning.trial.pulse import pulsing
from platform.tuning.trial.trainable import Place, log_to, name_of, result_of, trial_of

START_TIMEOUT = "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S"
POLL = "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S"
POLL_S = "0.2"  # Train's default of 2 s would be most of a short epoch


class GivenUp(Exception):
    """A worker's error that would recur; ``args``: the cause as text, and the epochs that were completed."""


class EachEpochOnce(TuneReportCallback):
    """Reports each epoch to Tune once, although replaced workers report all epochs again.

    A new call of the function reports them all: Tune's state may be older than the checkpoints.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reported = 0

    def after_report(
        self, run_context: TrainRunContext, metrics: list[dict[str, Any]], checkpoint: Any
    ) -> None:
        epoch = metrics[0]["epoch"]
        if epoch > self.reported:
            self.reported = epoch
            super().after_report(run_context, metrics, checkpoint)

    def after_exception(self, run_context: TrainRunContext, worker_exceptions: dict[int, Exception]) -> None:
        """End the trial when a single worker has given up, as the others wait for it in a collective.

        Raising here ends Train's controller, which would replace the workers otherwise.
        """
        for _, error in sorted(worker_exceptions.items()):
            if isinstance(error, GivenUp):
                raise error


@dataclass(frozen=True)
class Group:
    """A trial's workers: their resources, and how often and how long Ray Train tries."""

    resources: TrialResources
    max_failures: int
    start_timeout_s: float

    def scaling(self) -> ScalingConfig:
        own = self.resources
        return ScalingConfig(
            num_workers=own.workers,
            use_gpu=own.gpus > 0,
            resources_per_worker={"CPU": own.cpus, "GPU": own.gpus} if own.gpus else {"CPU": own.cpus},
            placement_strategy=own.placement,
        )

    def timed_out(self) -> str:
        """Why a trial fails whose workers did not start in time."""
        own = self.resources
        each = cores_and_gpus(own.cpus, own.gpus)
        return (
            f"resources.start_timeout_s: {own.workers} workers of {each}, placed {own.placement}, could not "
            f"start within {self.start_timeout_s:g} s"
        )

    def run(self, name: str, keeping: Keeping) -> RunConfig:
        system, path = keeping.trials.opened()
        return RunConfig(
            name=name,
            storage_path=path,
            storage_filesystem=system,
            failure_config=FailureConfig(max_failures=self.max_failures, controller_failure_limit=0),
            checkpoint_config=CheckpointConfig(
                num_to_keep=keeping.count,
                checkpoint_score_attribute=keeping.metric,
                checkpoint_score_order="min" if keeping.mode == "min" else "max",
            ),
            callbacks=[EachEpochOnce()],
        )


def group_of(config: SweepConfig, resources: TrialResources) -> Group:
    """The workers of each trial in a sweep."""
    return Group(resources, config.resources.max_failures, config.resources.start_timeout_s)


def run_spread_trial(config: dict[str, Any], data: Any, place: Place, group: Group) -> None:
    """Train a trial to its end, or until Tune stops it; :class:`EachEpochOnce` reports its epochs.

    When Train gives up on the workers, the trial has failed: Tune does not try again.
    """
    os.environ[START_TIMEOUT] = str(group.start_timeout_s)
    os.environ[POLL] = POLL_S
    trainer = TorchTrainer(
        train_worker,
        train_loop_config={"config": config, "data": data, "place": place},
        scaling_config=group.scaling(),
        run_config=group.run(name_of(config), place.keeping),
        torch_config=TorchConfig(),
    )
    try:
        trainer.fit()
    except WorkerGroupError as error:
        cause = _cause(error)
        is_storage = f"{StorageError.__name__}: " in cause
        tune.report(not_kept_result(cause) if is_storage else failure_result(cause, epoch=0))
    except ControllerError as error:
        reason = error.controller_failure
        if isinstance(reason, GivenUp):
            tune.report(failure_result(*reason.args))
        elif isinstance(reason, WorkerGroupStartupTimeoutError):
            tune.report(failure_result(group.timed_out(), epoch=0))
        else:
            raise


def _cause(error: WorkerGroupError) -> str:
    """One line on the first worker's error, then the errors of all."""
    rank, first = min(error.worker_failures.items())
    lines = str(first).strip().splitlines() or [type(first).__name__]
    return f"worker {rank}: {lines[-1]}\n\n{error}"


def train_worker(loop_config: dict[str, Any]) -> None:
    """The training loop of each worker; raises :class:`GivenUp` if the trial cannot go on."""
    config: dict[str, Any] = loop_config["config"]
    place: Place = loop_config["place"]
    log_to(place.logs)
    workers = Workers.of_process_group()
    epoch = 0
    try:
        place.check()
        trainer = Trainer(
            trial_of(config),
            loop_config["data"],
            device=get_device(),
            threads=place.threads,
            workers=workers,
            scratch=place.scratch,
        )
        if checkpoint := train.get_checkpoint():
            with checkpoint.as_directory() as folder:
                restore(Path(folder), trainer)
        elif newest := place.keeping.of(name_of(config)).newest:  # written when the trial had one worker
            with newest.at_hand() as path:
                restore(path, trainer)
        epoch = trainer.epoch
        for earlier in range(1, epoch + 1):
            train.report(result_of(trainer, earlier))
        while not trainer.is_over:
            with pulsing(trainer, place.logs, name_of(config)):
                train_epoch(trainer)
            _report(trainer, place.keeping.trials)
            epoch = trainer.epoch
    except FINAL as error:
        if isinstance(error, StorageError):
            raise  # Ray Train tries again, from the last checkpoint
        raise GivenUp(error_text(error), epoch) from error


def _report(trainer: Trainer, trials: Folder) -> None:
    """Report the last epoch; the first worker adds the checkpoint."""
    result, name = result_of(trainer, trainer.epoch), f"checkpoint_{trainer.epoch:06d}"
    if not trainer.workers.is_first:
        train.report(result, checkpoint_dir_name=name)
        return
    with tempfile.TemporaryDirectory() as folder, written_to(str(trials)):
        save_checkpoint(Path(folder) / name, trainer)
        checkpoint = train.Checkpoint(str(Path(folder) / name))
        train.report(result, checkpoint, checkpoint_dir_name=name)
