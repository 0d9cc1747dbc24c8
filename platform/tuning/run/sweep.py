"""One sweep from a checked space to its last trial: data, MLflow, Ray Tune, and what became of it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ray import tune
from ray.tune.error import TuneError

from platform.config.errors import UserError
from platform.config.load import LoadedSpace
from platform.datasets.preparation.data import Data
from platform.datasets.preparation.prepare import prepare, save_bad_images, save_manifest
from platform.datasets.images.ray_decode import decode_with_ray
from platform.tracking.writing.delivery import LEAVING_S
from platform.tracking.records import SweepOutcome
from platform.tracking.writing.spooled_writer import PATIENCE_S, SpooledWriter
from platform.tuning.stopping.budget import Account, check_gpu_hours
from platform.tuning.space.buildable import check_buildable
from platform.tuning.folder.checkpoint_place import check_writable, claim
from platform.tuning.cluster.join import join
from platform.tuning.search.confirmations import ConfirmSearch, ended_repeats, read_repeats
from platform.tuning.space.points_of_earlier_sweep import starts_of
from platform.tuning.failure import SweepBroken, outside_cause, words_of
from platform.tuning.resume.given_settings import Given
from platform.tuning.space.goal_check import refuse_unmeasured
from platform.tuning.stopping.interrupt import graceful_interrupt
from platform.tuning.run.sweep_records import go_on_with, open_sweep, open_writer, tell_of_space
from platform.tuning.trial.outcome import FAILURE
from platform.tuning.search.past_trials import left_out
from platform.tuning.run.plan import Plan
from platform.tuning.cluster.library_logs import chatter_to
from platform.tuning.search.reuse import reuse_of
from platform.tuning.settings.search_config import ConfirmConfig
from platform.tuning.search.searcher import SpaceSearch
from platform.tuning.resume.missed_tracking import settle
from platform.tuning.storage_watch import StorageWatch
from platform.tuning.resume.study_change import study_change
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.run.tuner import Phase, Work, confirm_phase, make_tuner, search_phase

Say = Callable[[str], None]


@dataclass(frozen=True)
class SweepEnd:
    """What became of a sweep: trials that have a result, causes of those that failed.

    ``spent``: the limit of the budget that ended it before all its trials had, in words.
    """

    succeeded: int
    failures: list[str]
    is_interrupted: bool
    spent: str | None
    data: Data


def run_sweep(
    loaded: LoadedSpace[SweepConfig],
    plan: Plan,
    folder: SweepFolder,
    *,
    address: str | None,
    say: Say,
    given: Given | None = None,
    data_digest: str | None = None,
) -> SweepEnd:
    """Run a new sweep in ``folder``; a mistake of the user's found before its first trial leaves nothing.

    ``given``: by the command, kept for a resume. ``data_digest``: what the data must be, where it matters.
    Ray still runs afterwards, as ``data`` lies in it: :func:`platform.tuning.cluster.join.leave` ends it.
    """
    with chatter_to(folder.logs):
        try:
            claim(plan.config.storage.path, folder.name)
            check_buildable(loaded, plan.data.classes)
            resources = join(address, plan.config.resources, max(plan.trials, plan.repeats))
            check_gpu_hours(loaded, resources)
            data = _prepare(plan, say)
            if data_digest is not None and data.digest != data_digest:
                raise UserError(
                    f"data.source: {plan.config.data.source} is not what the trial learnt from "
                    f"(SHA-256 {data.digest[:12]}…, it was {data_digest[:12]}…)"
                )
            refuse_unmeasured(plan.config.search.goals, data, gpus=resources.gpus)
            _save_data(data, folder, say)
            search = _open(loaded, plan, folder, data, say)
            if given is not None:
                given.write(folder)
        except BaseException:
            shutil.rmtree(folder.path)
            raise
        with open_writer(folder) as writer:
            return _fit(Work(loaded, plan, folder, data, resources), search, writer)


def resume_sweep(
    loaded: LoadedSpace[SweepConfig],
    plan: Plan,
    folder: SweepFolder,
    *,
    address: str | None,
    say: Say,
    given: Given | None = None,
) -> SweepEnd:
    """Go on with the sweep in ``folder``: its unfinished trials from their last epoch, then the rest.

    ``loaded`` is what it goes by from now on: what of it has changed is said. Nothing is written before all
    of it is known to be possible.
    """
    with chatter_to(folder.logs):
        change = study_change(loaded, folder)
        if change.changes:
            check_buildable(loaded, plan.data.classes)
        check_writable(plan.config.storage.path, folder.name)
        resources = join(address, plan.config.resources, max(plan.trials, plan.repeats))
        check_gpu_hours(loaded, resources)
        data = _prepare(plan, say)
        if data.digest != folder.read_record().data_digest:
            raise UserError(
                f"data.source: {plan.config.data.source} is not what it was when {folder.path} was started; "
                f"start a new sweep, its trials could not be compared"
            )
        for line in change.words():
            say(line)
        with open_writer(folder) as writer:
            change.commit()
            go_on_with(loaded, plan, folder)
            if given is not None:
                given.write(folder)
            search = SpaceSearch(loaded, folder, resumes=True)
            writer.reopen()
            settle(writer, folder, [*search.past(), *ended_repeats(read_repeats(folder))])
            tell_of_space(writer, plan, folder, left_out(search.study))
            writer.catch_up()  # what an earlier process left there; a sweep does not go on without MLflow
            return _fit(Work(loaded, plan, folder, data, resources), search, writer)


def _fit(work: Work, search: SpaceSearch, writer: SpooledWriter) -> SweepEnd:
    """The search, then its best again; what has ended before stays as it is."""
    account, storage, failures = _account(work, search), StorageWatch(), []
    account.save()
    config = work.plan.config
    reuse = reuse_of(config, work.folder, work.data) if config.search.reuse else None
    writer.start()
    phases = [partial(search_phase, work, search)]
    if config.search.confirm:
        phases.append(partial(_confirm_phase, work, search, config.search.confirm))
    left = 0
    try:
        with graceful_interrupt() as interrupt:
            for make_phase in phases:
                if interrupt.is_set or storage.problem or (left and account.balance.reached):
                    break
                phase = make_phase()
                phase.search.reuse = reuse
                if len(phase.past) < phase.planned and not account.balance.reached:
                    failures += _causes(make_tuner(work, phase, account, writer, storage).fit())
                left += phase.planned - len(phase.search.outcomes())
    except TuneError as error:
        if outside := outside_cause(error, work.folder.path):
            raise SweepBroken(outside) from error
        raise
    if storage.problem:
        raise SweepBroken(storage.problem)
    spent = account.balance.reached if left and not interrupt.is_set else None
    succeeded = sum(one != "failed" for one in search.outcomes()) + search.begun_with_a_result()
    outcome: SweepOutcome = "interrupted" if interrupt.is_set else "finished" if succeeded else "failed"
    writer.finish(outcome)
    writer.close(LEAVING_S if interrupt.is_set else PATIENCE_S)
    return SweepEnd(succeeded, failures, interrupt.is_set, spent, work.data)


def _confirm_phase(work: Work, search: SpaceSearch, confirm: ConfirmConfig) -> Phase:
    """Asked for when the search has ended, and its best are known."""
    finalists = search.finalists(confirm.top)
    again = ConfirmSearch(work.plan.config.search, work.folder, finalists, confirm.seeds)
    return confirm_phase(work, again, search.past())


def _causes(results: tune.ResultGrid) -> list[str]:
    ended = [results[index] for index in range(len(results))]
    return [cause for result in ended if (cause := _cause(result))]


def _account(work: Work, search: SpaceSearch) -> Account:
    gpus, budget = work.resources.gpus * work.resources.workers, work.plan.config.search.budget
    again = {one.number: max(one.values, default=0) for one in read_repeats(work.folder) if not one.reused}
    return Account(work.folder, budget, gpus=gpus, epochs=search.epochs() | again)


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
