"""The Tune experiment of a sweep, new or resumed: what Ray Tune is asked to do, and with what.

Tune's own saved state is not used. A sweep that goes on is a new experiment over the same study: the trials
that had not ended are suggested again and go on from their own checkpoints, the scheduler hears what the
others had reached, and Tune is asked for as many as are left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ray import tune
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.stopper import CombinedStopper

from platform.config.load import LoadedSpace
from platform.datasets.preparation.data import Data
from platform.tracking.writing.spooled_writer import SpooledWriter
from platform.tuning.stopping.budget import Account
from platform.tuning.stopping.stoppers import BudgetWatch
from platform.tuning.run.checkpoint_cap import CheckpointCap, limit_of
from platform.tuning.search.confirmations import ConfirmSearch, ended_repeats, read_repeats
from platform.tuning.goals import Goal
from platform.tuning.trial.kept_checkpoints import keeping_of
from platform.tuning.search.memory_limit import MemoryWatch
from platform.tuning.stopping.placement_groups import OrphanedGroups
from platform.tuning.search.past_trials import PastTrial
from platform.tuning.run.plan import Plan
from platform.tuning.watching.progress import ProgressCallback
from platform.tuning.cluster.resources import TrialResources
from platform.tuning.stopping.room_watch import RoomWatch
from platform.tuning.stopping.schedulers import make_scheduler, remember
from platform.tuning.search.searcher import SpaceSearch
from platform.tuning.trial.spread_trial import group_of, run_spread_trial
from platform.tuning.storage_watch import StorageWatch
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.watching.tracking_callback import TrackingCallback, label
from platform.tuning.trial.trainable import Place, TrialTrainable


@dataclass(frozen=True)
class Work:
    """What a sweep works on: its space and plan, its folder, its data, and what each trial may use."""

    loaded: LoadedSpace[SweepConfig]
    plan: Plan
    folder: SweepFolder
    data: Data
    resources: TrialResources


@dataclass(frozen=True)
class Phase:
    """A part of a sweep, one experiment of Tune's: ``planned`` trials, of which ``past`` have ended.

    ``ended``: these and those of the sweep's other part.
    """

    search: SpaceSearch | ConfirmSearch
    scheduler: TrialScheduler
    planned: int
    past: list[PastTrial]
    ended: list[PastTrial]
    pauses: bool = False
    watches: tuple[tune.Callback, ...] = ()


def search_phase(work: Work, search: SpaceSearch) -> Phase:
    """The search itself."""
    settings, past = work.plan.config.search, search.past()
    scheduler = make_scheduler(settings, max_epochs=work.plan.epochs_a_trial, seed=work.plan.config.seed)
    remember(scheduler, past, settings.first.metric)
    ended = [*past, *ended_repeats(read_repeats(work.folder))]
    watches = (MemoryWatch(search.memory),)
    return Phase(search, scheduler, work.plan.trials, past, ended, settings.scheduler.pauses, watches)


def confirm_phase(work: Work, search: ConfirmSearch, searched: list[PastTrial]) -> Phase:
    """Its best again, of which none is stopped early; ``searched``: the trials of the search."""
    ended = [*searched, *ended_repeats(read_repeats(work.folder))]
    return Phase(search, FIFOScheduler(), search.planned, search.past(), ended)


def make_tuner(
    work: Work,
    phase: Phase,
    account: Account,
    writer: SpooledWriter,
    storage: StorageWatch,
    trainable: Any = None,
) -> tune.Tuner:
    """The experiment for the trials that have not ended.

    It ends with the budget that ``account`` keeps, or when ``storage`` hears that nothing can be kept.
    ``trainable``: what runs a trial, by default the training; a benchmark has one that trains nothing.
    """
    resources = work.resources
    tune_config = tune.TuneConfig(
        search_alg=phase.search,
        scheduler=phase.scheduler,
        num_samples=phase.planned - len(phase.past),
        # A paused trial counts as one that runs: those that its bracket waits for would never start.
        max_concurrent_trials=None if phase.pauses else resources.concurrency,
        reuse_actors=resources.workers == 1,
        trial_name_creator=label,
        trial_dirname_creator=label,
    )
    run_config = _run_config(work, phase, account, writer, storage)
    return tune.Tuner(trainable or _trainable(work), tune_config=tune_config, run_config=run_config)


def _trainable(work: Work) -> Any:
    resources, folder, config = work.resources, work.folder, work.plan.config
    keeping = keeping_of(folder, config.storage.keep_checkpoints)
    place = Place(resources.device, resources.cpus, folder.logs.absolute(), keeping)
    if resources.workers > 1:
        group = group_of(config, resources)
        shared = tune.with_parameters(run_spread_trial, data=work.data, place=place, group=group)
        # Its workers have the cores; it waits for them, and Tune wants it to ask for something.
        return tune.with_resources(shared, {"cpu": 0, "memory": 1})
    alone = tune.with_parameters(TrialTrainable, data=work.data, place=place)
    return tune.with_resources(alone, {"cpu": resources.cpus, "gpu": resources.gpus})


def _progress(goals: Sequence[Goal], phase: Phase, account: Account) -> ProgressCallback:
    first, *others = goals
    beside = [goal.metric for goal in others]
    return ProgressCallback(first.metric, first.direction, phase.planned, phase.past, account, beside)


def _run_config(
    work: Work, phase: Phase, account: Account, writer: SpooledWriter, storage: StorageWatch
) -> tune.RunConfig:
    config, logs = work.plan.config, work.folder.logs
    start_timeout_s = config.resources.start_timeout_s
    before = len(list(logs.glob("tune_*")))
    watch = BudgetWatch(account)
    limit, keeping = limit_of(work.plan), keeping_of(work.folder)
    cap = [CheckpointCap(limit, keeping, writer, phase.ended)] if limit else []
    return tune.RunConfig(
        name=f"tune_{before + 1}",
        storage_path=str(logs.absolute()),
        stop=CombinedStopper(watch, storage),
        checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),  # a trial keeps its own
        callbacks=[
            watch,
            storage,
            TrackingCallback(work.folder, writer),
            *cap,  # after the tracking: what is deleted was recorded
            _progress(config.search.goals, phase, account),
            OrphanedGroups() if work.resources.workers > 1 else RoomWatch(work.resources, start_timeout_s),
            *phase.watches,
        ],
        failure_config=tune.FailureConfig(max_failures=config.resources.max_failures),
        verbose=0,
    )
