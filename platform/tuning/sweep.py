"""One sweep from a checked space to its last trial: data, MLflow, Ray Tune, and what became of it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ray import tune
from ray.tune.error import TuneError

from platform.config.errors import UserError
from platform.config.load import LoadedSpace
from platform.datasets.data import Data
from platform.datasets.prepare import prepare, save_bad_images, save_manifest
from platform.datasets.ray_decode import decode_with_ray
from platform.tracking.records import SweepOutcome
from platform.tuning.buildable import check_buildable
from platform.tuning.cluster import join
from platform.tuning.earlier_sweep import starts_of
from platform.tuning.failure import SweepBroken, outside_cause, words_of
from platform.tuning.interrupt import graceful_interrupt
from platform.tuning.opening import open_sweep, open_writer
from platform.tuning.orphans import OrphanedGroups
from platform.tuning.outcome import FAILURE
from platform.tuning.plan import Plan
from platform.tuning.progress import ProgressCallback
from platform.tuning.quiet import chatter_to
from platform.tuning.resources import TrialResources
from platform.tuning.schedulers import make_scheduler
from platform.tuning.searcher import SpaceSearch
from platform.tuning.spread_trial import group_of, run_spread_trial
from platform.tuning.sweep_config import SweepConfig
from platform.tuning.sweep_folder import SweepFolder
from platform.tuning.tracking_callback import TrackingCallback, label
from platform.tuning.trainable import Place, TrialTrainable

Say = Callable[[str], None]


@dataclass(frozen=True)
class SweepEnd:
    """What became of a sweep: trials that ended with a result, causes of those that failed."""

    succeeded: int
    failures: list[str]
    is_interrupted: bool
    data: Data


def run_sweep(
    loaded: LoadedSpace[SweepConfig],
    plan: Plan,
    folder: SweepFolder,
    *,
    address: str | None,
    say: Say,
    data_digest: str | None = None,
) -> SweepEnd:
    """Run a new sweep in ``folder``; a mistake of the user's found before its first trial leaves nothing.

    ``data_digest``: what the data must be, where it matters. Ray still runs afterwards, as ``data`` lies in
    it: :func:`platform.tuning.cluster.leave` ends it.
    """
    with chatter_to(folder.logs):
        try:
            check_buildable(loaded, plan.data.classes)
            resources = join(address, plan.config.resources, plan.trials)
            data = _prepare(plan, say)
            if data_digest is not None and data.digest != data_digest:
                raise UserError(
                    f"data.source: {plan.config.data.source} is not what the trial learnt from "
                    f"(SHA-256 {data.digest[:12]}…, it was {data_digest[:12]}…)"
                )
            _save_data(data, folder, say)
            search = _open(loaded, plan, folder, data, say)
        except BaseException:
            shutil.rmtree(folder.path)
            raise
        tuner = tune.Tuner(
            _trainable(data, folder, plan, resources),
            tune_config=_tune_config(plan, search, resources),
            run_config=_run_config(plan, folder),
        )
        return _fit(tuner, folder, data)


def resume_sweep(plan: Plan, folder: SweepFolder, *, address: str | None, say: Say) -> SweepEnd:
    """Go on with the sweep in ``folder``: its unfinished trials from their last epoch, then the rest."""
    with chatter_to(folder.logs):
        resources = join(address, plan.config.resources, plan.trials)
        data = _prepare(plan, say)
        if data.digest != folder.read_record().data_digest:
            raise UserError(
                f"data.source: {plan.config.data.source} is not what it was when {folder.path} was started; "
                f"start a new sweep, its trials could not be compared"
            )
        if not tune.Tuner.can_restore(str(folder.trials.absolute())):
            raise UserError(f"{folder.path}: was stopped before its first trial; start a new sweep")
        trainable = _trainable(data, folder, plan, resources)
        open_writer(folder).reopen()
        return _fit(tune.Tuner.restore(str(folder.trials.absolute()), trainable), folder, data)


def _fit(tuner: tune.Tuner, folder: SweepFolder, data: Data) -> SweepEnd:
    metric = folder.read_record().metric
    try:
        with graceful_interrupt() as interrupt:
            results = tuner.fit()
    except TuneError as error:
        if outside := outside_cause(error):
            raise SweepBroken(str(outside)) from error
        raise
    ended = [results[index] for index in range(len(results))]
    failures = [cause for result in ended if (cause := _cause(result))]
    succeeded = sum(not _cause(result) and metric in (result.metrics or {}) for result in ended)
    outcome: SweepOutcome = "interrupted" if interrupt.is_set else "finished" if succeeded else "failed"
    open_writer(folder).finish(outcome)
    return SweepEnd(succeeded, failures, interrupt.is_set, data)


def _cause(result: tune.Result) -> str | None:
    """Why a trial failed, in one line; None where it did not."""
    if result.error:
        return words_of(result.error)
    return str((result.metrics or {}).get(FAILURE, "")).partition("\n")[0] or None


def _prepare(plan: Plan, say: Say) -> Data:
    say(f"decoding {plan.config.data.source}")
    return prepare(plan.config.data, plan.largest_image, decode=decode_with_ray)


def _save_data(data: Data, folder: SweepFolder, say: Say) -> None:
    save_manifest(data, folder.manifest)
    if data.bad:
        save_bad_images(data, folder.bad_images)
        first = f"the first {data.bad[0].path}: {data.bad[0].reason}"
        say(f"left out what cannot be decoded ({len(data.bad)}), {first}; all: {folder.bad_images}")


def _trainable(data: Data, folder: SweepFolder, plan: Plan, resources: TrialResources) -> Any:
    place = Place(resources.device, resources.cpus, folder.logs.absolute())
    if resources.workers > 1:
        group = group_of(plan.config, folder, resources)
        shared = tune.with_parameters(run_spread_trial, data=data, place=place, group=group)
        # Its workers have the cores; it waits for them, and Tune wants it to ask for something.
        return tune.with_resources(shared, {"cpu": 0, "memory": 1})
    alone = tune.with_parameters(TrialTrainable, data=data, place=place)
    return tune.with_resources(alone, {"cpu": resources.cpus, "gpu": resources.gpus})


def _open(
    loaded: LoadedSpace[SweepConfig], plan: Plan, folder: SweepFolder, data: Data, say: Say
) -> SpaceSearch:
    """The sweep's study, with what it is to start with, and its records; the study is undone with them."""
    starts, misfits = starts_of(loaded, folder.path.parent)
    for line in misfits:
        say(line)
    if starts:
        say(f"starts with {len(starts)} point{'s' * (len(starts) > 1)}")
    search = SpaceSearch(loaded, folder, starts)
    try:
        open_sweep(loaded, plan, folder, data)
    except BaseException:
        search.forget()
        raise
    return search


def _tune_config(plan: Plan, searcher: SpaceSearch, resources: TrialResources) -> tune.TuneConfig:
    search = plan.config.search
    return tune.TuneConfig(
        search_alg=searcher,
        scheduler=make_scheduler(search, max_epochs=plan.epochs_a_trial, seed=plan.config.seed),
        num_samples=plan.trials,
        # A paused trial counts as one that runs: those that its bracket waits for would never start.
        max_concurrent_trials=None if search.scheduler.pauses else resources.concurrency,
        time_budget_s=search.budget_s,
        reuse_actors=resources.workers == 1,
        trial_name_creator=label,
        trial_dirname_creator=label,
    )


def _run_config(plan: Plan, folder: SweepFolder) -> tune.RunConfig:
    search = plan.config.search
    return tune.RunConfig(
        name=folder.trials.name,
        storage_path=str(folder.path.absolute()),
        checkpoint_config=tune.CheckpointConfig(
            num_to_keep=plan.config.storage.keep_checkpoints,
            checkpoint_score_attribute=search.metric,
            checkpoint_score_order=search.direction,
            checkpoint_at_end=False,  # a trial asks for each of its checkpoints; none of one that gave up
        ),
        callbacks=[
            TrackingCallback(folder),
            ProgressCallback(search.metric, search.direction, plan.trials),
            OrphanedGroups(),
        ],
        failure_config=tune.FailureConfig(max_failures=plan.config.resources.max_failures),
        verbose=0,
    )
