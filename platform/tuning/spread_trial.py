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
from ray.train.v2.api.config import CheckpointConfig, FailureConfig, RunConfig, ScalingConfig
from ray.train.v2.torch.torch_trainer import TorchTrainer
from ray.tune.integration.ray_train import TuneReportCallback

from platform.training.checkpoints import restore, save_checkpoint
from platform.training.trainer import Trainer
from platform.training.workers import Workers
from platform.tuning.footprint import with_footprint
from platform.tuning.outcome import FINAL, failure_result, given_up
from platform.tuning.resources import TrialResources, cores
from platform.tuning.sweep_config import SweepConfig
from platform.tuning.sweep_folder import SweepFolder
from platform.tuning.trainable import Place, log_to, result_of, trial_of

START_TIMEOUT = "RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S"
POLL = "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S"
POLL_S = "0.2"  # Train's own 2 s are most of a short epoch


@dataclass(frozen=True)
class Group:
    """A trial's workers, and what Ray Train does for them."""

    storage: Path
    resources: TrialResources
    keep_checkpoints: int
    metric: str
    mode: Any
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

    def run(self, name: str) -> RunConfig:
        return RunConfig(
            name=name,
            storage_path=str(self.storage),
            failure_config=FailureConfig(max_failures=self.max_failures, controller_failure_limit=0),
            checkpoint_config=CheckpointConfig(
                num_to_keep=self.keep_checkpoints,
                checkpoint_score_attribute=self.metric,
                checkpoint_score_order=self.mode,
            ),
            callbacks=[TuneReportCallback()],
        )


def group_of(config: SweepConfig, folder: SweepFolder, resources: TrialResources) -> Group:
    """The workers of each trial of a sweep."""
    return Group(
        storage=folder.trials.absolute(),
        resources=resources,
        keep_checkpoints=config.storage.keep_checkpoints,
        metric=config.search.metric,
        mode=config.search.direction,
        max_failures=config.resources.max_failures,
        start_timeout_s=config.resources.start_timeout_s,
    )


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
        run_config=group.run(f"{config['number']:04d}"),
        torch_config=TorchConfig(),
    )
    try:
        result: Any = trainer.fit()
        failure = result.return_value
    except WorkerGroupError as error:
        failure = given_up(_cause(error), epoch=0)
    except ControllerError as error:
        if not isinstance(error.controller_failure, WorkerGroupStartupTimeoutError):
            raise
        failure = given_up(group.waited(), epoch=0)
    if failure:
        tune.report(failure)


def _cause(error: WorkerGroupError) -> str:
    """The first worker's error, in one line; all of them below it."""
    rank, first = min(error.worker_failures.items())
    words = str(first).strip().splitlines() or [type(first).__name__]
    return f"worker {rank}: {words[-1]}\n\n{error}"


def train_worker(given: dict[str, Any]) -> dict[str, Any] | None:
    """What each of a trial's workers runs; returns why the trial cannot go on, where it cannot."""
    place: Place = given["place"]
    log_to(place.logs)
    workers = Workers.of_process_group()
    epoch = 0
    try:
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
        epoch = trainer.epoch
        if trainer.is_over:  # it was stopped between its last epoch and the news of it
            train.report(result_of(trainer, trainer.metrics))
        while not trainer.is_over:
            _report(trainer, with_footprint(trainer.train_epoch, trainer.device))
            epoch = trainer.epoch
    except FINAL as error:
        return failure_result(error, epoch)
    return None


def _report(trainer: Trainer, metrics: dict[str, float]) -> None:
    """Tell of an epoch; the first worker brings the checkpoint."""
    result, name = result_of(trainer, metrics), f"checkpoint_{trainer.epoch:06d}"
    if not trainer.workers.is_first:
        train.report(result, checkpoint_dir_name=name)
        return
    with tempfile.TemporaryDirectory() as folder:
        save_checkpoint(Path(folder) / name, trainer)
        checkpoint = train.Checkpoint(str(Path(folder) / name))
        train.report(result, checkpoint, checkpoint_dir_name=name)
