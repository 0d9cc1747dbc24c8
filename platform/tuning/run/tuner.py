"""Build the Ray Tune experiment of a new or resumed sweep.

Tune's own saved state is not used. A resumed sweep is a new experiment with the same study: trials that had
not ended are suggested again and go on from their checkpoints, the scheduler is told the results of the
others, and Tune runs as many trials as are left.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ray import tune
from ray.tune.schedulers import FIFOScheduler, TrialScheduler
from ray.tune.stopper import CombinedStopper

from platform.config.load import LoadedSpace
from platform.datasets.preparation.data import Data
from platform.tracking.writing.spooled_writer import SpooledWriter
from platform.tuning.cluster.resources import TrialResources
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.run.checkpoint_cap import CheckpointCap, limit_of
from platform.tuning.run.plan import Plan
from platform.tuning.search.confirmations import ConfirmSearch, ended_repeats, read_repeats
from platform.tuning.search.memory_limit import MemoryWatch
from platform.tuning.search.past_trials import PastTrial
from platform.tuning.search.searcher import SpaceSearch
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.stopping.budget import Account
from platform.tuning.stopping.interrupt import Interrupt
from platform.tuning.stopping.placement_groups import OrphanedGroups
from platform.tuning.stopping.room_watch import RoomWatch
from platform.tuning.stopping.schedulers import make_scheduler, remember
from platform.tuning.stopping.stoppers import BudgetWatch, StorageWatch
from platform.tuning.trial.kept_checkpoints import keeping_of
from platform.tuning.trial.outcome import Outcome
from platform.tuning.trial.spread_trial import group_of, run_spread_trial
from platform.tuning.trial.trainable import Place, TrialTrainable
from platform.tuning.watching.progress import ProgressCallback
from platform.tuning.watching.tracking_callback import TrackingCallback, label


@dataclass(frozen=True)
class Work:
    """A sweep's space, plan, folder and data, and the resources of each trial."""

    loaded: LoadedSpace[SweepConfig]
    plan: Plan
    folder: SweepFolder
    data: Data
    resources: TrialResources


@dataclass(frozen=True)
class Phase:
    """A part of a sweep, the search or the confirmation, which is one experiment in Tune.

    ``planned``: its number of trials; ``past``: those that have ended; ``ended``: those of both
    parts; ``outcomes``: how its trials have ended by now.
    """

    search: SpaceSearch | ConfirmSearch
    scheduler: TrialScheduler
    planned: int
    past: list[PastTrial]
    ended: list[PastTrial]
    outcomes: Callable[[], list[Outcome]]
    pauses: bool = False
    watches: tuple[tune.Callback, ...] = ()


def search_phase(work: Work, search: SpaceSearch) -> Phase:
    """The search."""
    settings, past = work.plan.config.search, search.records.past()
    scheduler = make_scheduler(settings, max_epochs=work.plan.epochs_a_trial, seed=work.plan.config.seed)
    remember(scheduler, past, settings.first.metric)
    ended = [*past, *ended_repeats(read_repeats(work.folder))]
    watches = (MemoryWatch(search.memory),)
    return Phase(
        search,
        scheduler,
        work.plan.trials,
        past,
        ended,
        search.records.outcomes,
        settings.scheduler.pauses,
        watches,
    )


def confirm_phase(work: Work, search: ConfirmSearch, searched: list[PastTrial]) -> Phase:
    """The repeats of the best trials, never stopped early; ``searched``: the trials of the search."""
    ended = [*searched, *ended_repeats(read_repeats(work.folder))]
    return Phase(search, FIFOScheduler(), search.planned, search.past(), ended, search.outcomes)


def make_tuner(
    work: Work,
    phase: Phase,
    account: Account,
    writer: SpooledWriter,
    storage: StorageWatch,
    trainable: Any = None,
    interrupt: Interrupt | None = None,
) -> tune.Tuner:
    """The experiment that runs the phase's trials that have not ended.

    It ends early with the budget in ``account``, or when ``storage`` learns that a checkpoint could not be
    written. ``trainable`` runs a trial; a benchmark passes one that trains nothing. ``interrupt``: what the
    live table says of a stop.
    """
    resources = work.resources
    tune_config = tune.TuneConfig(
        search_alg=phase.search,
        scheduler=phase.scheduler,
        num_samples=phase.planned - len(phase.past),
        # Tune counts paused trials as running, so the trials that their bracket waits for would not start.
        max_concurrent_trials=None if phase.pauses else resources.concurrency,
        reuse_actors=resources.workers == 1,
        trial_name_creator=label,
        trial_dirname_creator=label,
    )
    run_config = _run_config(work, phase, account, writer, storage, interrupt)
    return tune.Tuner(trainable or _trainable(work), tune_config=tune_config, run_config=run_config)


def _trainable(work: Work) -> Any:
    resources, folder, config = work.resources, work.folder, work.plan.config
    keeping = keeping_of(folder, config.storage.keep_checkpoints)
    place = Place(resources.device, resources.cpus, folder.logs.absolute(), keeping)
    if resources.workers > 1:
        group = group_of(config, resources)
        shared = tune.with_parameters(run_spread_trial, data=work.data, place=place, group=group)
        # Its workers use the cores, and it only waits for them; Tune requires that it asks for something.
        return tune.with_resources(shared, {"cpu": 0, "memory": 1})
    alone = tune.with_parameters(TrialTrainable, data=work.data, place=place)
    return tune.with_resources(alone, {"cpu": resources.cpus, "gpu": resources.gpus})


def _progress(work: Work, phase: Phase, account: Account, interrupt: Interrupt | None) -> ProgressCallback:
    first, *others = work.plan.config.search.goals
    metrics = [goal.metric for goal in others]
    return ProgressCallback(
        first.metric,
        first.direction,
        phase.planned,
        phase.past,
        account,
        metrics,
        logs=work.folder.logs,
        interrupt=interrupt,
        at_once=work.resources.concurrency,
    )


def _run_config(
    work: Work,
    phase: Phase,
    account: Account,
    writer: SpooledWriter,
    storage: StorageWatch,
    interrupt: Interrupt | None,
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
        checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),  # a trial writes its own
        callbacks=[
            watch,
            storage,
            TrackingCallback(work.folder, writer),
            *cap,  # after the tracking, so that checkpoints are recorded before they are deleted
            _progress(work, phase, account, interrupt),
            OrphanedGroups() if work.resources.workers > 1 else RoomWatch(work.resources, start_timeout_s),
            *phase.watches,
        ],
        failure_config=tune.FailureConfig(max_failures=config.resources.max_failures),
        progress_reporter=tune.CLIReporter(),  # Tune's choice empties a notebook's cell
        verbose=0,
    )
