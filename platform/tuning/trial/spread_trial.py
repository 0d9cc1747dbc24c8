"""One trial as Tune runs it with several workers: a function that starts Ray Train's TorchTrainer.

The trial's checkpoints are Ray Train's: in the trial's folder, one an epoch, the best and the last kept. A
worker or machine that dies is replaced by Train, which goes on from the last of them; where the whole group
dies, Tune starts the function again, and Train finds the same checkpoints under the trial's name.
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

from platform.training.loop.trainer_checkpoints import restore, save_checkpoint
from platform.storage.disk import StorageError, written_to
from platform.storage.folder import Folder
from platform.training.loop.trainer import Trainer
from platform.training.loop.workers import Workers
from platform.tuning.trial.footprint import train_epoch
from platform.tuning.trial.kept_checkpoints import Keeping
from platform.tuning.trial.outcome import FINAL, given_up, in_words, not_kept
from platform.tuning.cluster.resources import TrialResources, cores
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.trial.trainable import Place, log_to, name_of, result_of, trial_of

START_TIMEOUT = "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S"
POLL = "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S"
POLL_S = "0.2"  # Train's own 2 s are most of a short epoch


class GivenUp(Exception):
    """A worker's error that another attempt would end in as well: the cause in words, and whole epochs."""


class EachEpochOnce(TuneReportCallback):
    """Tells Tune of each epoch once, though workers that were replaced tell of all of them again.

    Tune itself, where it has been started anew, hears all: what it knew may be older than the checkpoints.
    """

    def __init__(self) -> None:
        super().__init__()
        self.told = 0

    def after_report(
        self, run_context: TrainRunContext, metrics: list[dict[str, Any]], checkpoint: Any
    ) -> None:
        epoch = metrics[0]["epoch"]
        if epoch > self.told:
            self.told = epoch
            super().after_report(run_context, metrics, checkpoint)

    def after_exception(self, run_context: TrainRunContext, worker_exceptions: dict[int, Exception]) -> None:
        """End the trial where a worker has given up, be it one alone: the others wait for it in a collective.

        What is raised here ends Train's controller, which would replace the workers otherwise.
        """
        for _, error in sorted(worker_exceptions.items()):
            if isinstance(error, GivenUp):
                raise error


@dataclass(frozen=True)
class Group:
    """A trial's workers, and what Ray Train does for them."""

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

    def waited(self) -> str:
        """What was waited for in vain, and for how long."""
        own = self.resources
        each = cores(own.cpus) + (f" and {own.gpus:g} GPU" if own.gpus else "")
        return (
            f"resources.start_timeout_s: {own.workers} workers of {each}, placed {own.placement}, "
            f"were not to be had within {self.start_timeout_s:g} s"
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
    """The workers of each trial of a sweep."""
    return Group(resources, config.resources.max_failures, config.resources.start_timeout_s)


def run_spread_trial(config: dict[str, Any], data: Any, place: Place, group: Group) -> None:
    """Train a trial to its end, or until Tune stops it; its epochs reach Tune through a callback.

    Where Train has given up on its workers, Tune does not begin again.
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
        words = _cause(error)
        is_storage = f"{StorageError.__name__}: " in words
        tune.report(not_kept(words) if is_storage else given_up(words, epoch=0))
    except ControllerError as error:
        cause = error.controller_failure
        if isinstance(cause, GivenUp):
            tune.report(given_up(*cause.args))
        elif isinstance(cause, WorkerGroupStartupTimeoutError):
            tune.report(given_up(group.waited(), epoch=0))
        else:
            raise


def _cause(error: WorkerGroupError) -> str:
    """The first worker's error, in one line; all of them below it."""
    rank, first = min(error.worker_failures.items())
    words = str(first).strip().splitlines() or [type(first).__name__]
    return f"worker {rank}: {words[-1]}\n\n{error}"


def train_worker(given: dict[str, Any]) -> None:
    """What each of a trial's workers runs; raises :class:`GivenUp` where the trial cannot go on."""
    place: Place = given["place"]
    log_to(place.logs)
    workers = Workers.of_process_group()
    epoch = 0
    try:
        place.check()
        trainer = Trainer(
            trial_of(given["config"]),
            given["data"],
            device=get_device(),
            threads=place.threads,
            workers=workers,
        )
        if checkpoint := train.get_checkpoint():
            with checkpoint.as_directory() as folder:
                restore(Path(folder), trainer)
        elif newest := place.keeping.of(name_of(given["config"])).newest:  # of when it was one process
            with newest.at_hand() as path:
                restore(path, trainer)
        epoch = trainer.epoch
        for earlier in range(1, epoch + 1):
            train.report(result_of(trainer, earlier))
        while not trainer.is_over:
            train_epoch(trainer)
            _report(trainer, place.keeping.trials)
            epoch = trainer.epoch
    except FINAL as error:
        if isinstance(error, StorageError):
            raise  # Ray Train tries again, from the last checkpoint
        raise GivenUp(in_words(error), epoch) from error


def _report(trainer: Trainer, trials: Folder) -> None:
    """Tell of the last epoch; the first worker brings the checkpoint."""
    result, name = result_of(trainer, trainer.epoch), f"checkpoint_{trainer.epoch:06d}"
    if not trainer.workers.is_first:
        train.report(result, checkpoint_dir_name=name)
        return
    with tempfile.TemporaryDirectory() as folder, written_to(str(trials)):
        save_checkpoint(Path(folder) / name, trainer)
        checkpoint = train.Checkpoint(str(Path(folder) / name))
        train.report(result, checkpoint, checkpoint_dir_name=name)
