"""Run a new or resumed sweep from its checked space to its last trial."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from ray import tune
from ray.tune.error import TuneError

from platform.config.errors import UserError
from platform.config.load import LoadedSpace
from platform.datasets.errors import counted
from platform.datasets.images.ray_decode import decode_with_ray
from platform.datasets.preparation.data import Data
from platform.datasets.preparation.prepare import prepare, save_bad_images, save_manifest, save_passed_over
from platform.storage.whole_files import write_whole
from platform.tracking.own_mlflow import refuse_strange
from platform.tracking.records import SweepOutcome
from platform.tracking.writing.delivery import LEAVING_S
from platform.tracking.writing.spooled_writer import PATIENCE_S, SpooledWriter
from platform.tuning.cluster.join import join
from platform.tuning.cluster.library_logs import library_logs_to
from platform.tuning.errors import SweepBroken
from platform.tuning.folder.checkpoint_place import check_writable, claim
from platform.tuning.folder.moved import identity_here
from platform.tuning.folder.process_lock import attempt_of
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.resume.given_settings import GivenSettings
from platform.tuning.resume.missed_tracking import write_missed_records
from platform.tuning.resume.study_change import study_change
from platform.tuning.run.first_lines import data_line
from platform.tuning.run.plan import Plan
from platform.tuning.run.sweep_records import open_sweep, open_writer, report_space, update_sweep
from platform.tuning.run.tuner import Phase, Work, confirm_phase, make_tuner, search_phase
from platform.tuning.search.confirmations import ConfirmSearch, ended_repeats, read_repeats
from platform.tuning.search.past_trials import left_out
from platform.tuning.search.reuse import reuse_of
from platform.tuning.search.searcher import SpaceSearch
from platform.tuning.settings.search_config import ConfirmConfig
from platform.tuning.settings.sweep_config import SweepConfig
from platform.tuning.space.buildable import check_buildable
from platform.tuning.space.goal_check import refuse_unmeasured
from platform.tuning.space.points_of_earlier_sweep import starts_of
from platform.tuning.space.pretrained_weights import fetch_pretrained
from platform.tuning.stopping.budget import Account, check_gpu_hours
from platform.tuning.stopping.interrupt import graceful_interrupt
from platform.tuning.stopping.stoppers import StorageWatch
from platform.tuning.terminal import console_of
from platform.tuning.trial.failure import error_line, outside_cause
from platform.tuning.trial.outcome import FAILURE
from platform.tuning.watching.long_work import long_work

Say = Callable[[str], None]


@dataclass(frozen=True)
class SweepEnd:
    """How a sweep ended.

    Attributes:
        succeeded: The number of trials with a result.
        failures: The causes of this process's failed trials.
        spent: The limit of the budget that ended the sweep early, as in "2h of wall time".
        data: The sweep's data, which lies in Ray's memory.
    """

    succeeded: int
    failures: list[str]
    is_interrupted: bool
    spent: str | None
    data: Data

    @property
    def last_cause(self) -> str:
        """Why no trial succeeded, in one line."""
        return self.failures[-1] if self.failures else "the budget was spent before any trial's first epoch"


def run_sweep(
    loaded: LoadedSpace[SweepConfig],
    plan: Plan,
    folder: SweepFolder,
    *,
    address: str | None,
    say: Say,
    settings: GivenSettings | None = None,
    data_digest: str | None = None,
) -> SweepEnd:
    """Run a new sweep in ``folder``; an error before its first trial leaves nothing behind.

    Ray still runs afterwards: :func:`platform.tuning.cluster.join.leave` stops it.

    Args:
        say: Prints a line for the user.
        settings: The command's settings, which ``--resume`` needs.
        data_digest: The SHA-256 that the data must have; None for any.
    """
    with library_logs_to(folder.logs):
        try:
            claim(plan.config.storage.path, folder.name)
            check_buildable(loaded, plan.data.classes)
            fetch_pretrained(loaded, len(plan.data.classes), say)
            resources = join(address, plan.config.resources, max(plan.trials, plan.repeats))
            check_gpu_hours(loaded, resources)
            data = _prepare(plan, say)
            if data_digest is not None and data.digest != data_digest:
                raise UserError(
                    f"data.source: {plan.config.data.source} is not the data that the trial was trained on "
                    f"(SHA-256 {data.digest[:12]}…, it was {data_digest[:12]}…)"
                )
            refuse_unmeasured(plan.config.search.goals, data, gpus=resources.gpus)
            _save_data(data, folder, say)
            search = _open(loaded, plan, folder, data, say)
            if settings is not None:
                settings.write(folder)
        except BaseException:
            shutil.rmtree(folder.path, ignore_errors=True)  # on a disk that fails, the first error says why
            raise
        with open_writer(folder, plan) as writer:
            return _fit(Work(loaded, plan, folder, data, resources), search, writer)


def resume_sweep(
    loaded: LoadedSpace[SweepConfig],
    plan: Plan,
    folder: SweepFolder,
    *,
    address: str | None,
    say: Say,
    settings: GivenSettings | None = None,
) -> SweepEnd:
    """Resume the sweep in ``folder``: its unfinished trials go on from their last epoch, then the rest run.

    ``loaded`` is the space from now on; its changes are printed. Nothing is written until all checks pass.
    """
    with library_logs_to(folder.logs):
        change = study_change(loaded, folder)
        if change.changes:
            check_buildable(loaded, plan.data.classes)
        fetch_pretrained(loaded, len(plan.data.classes), say)
        check_writable(plan.config.storage.path, folder.name)
        resources = join(address, plan.config.resources, max(plan.trials, plan.repeats))
        check_gpu_hours(loaded, resources)
        data = _prepare(plan, say)
        if data.digest != folder.read_record().data_digest:
            raise UserError(
                f"data.source: {plan.config.data.source} does not hold the data with which {folder.path} was "
                "started, or they have changed; trials on other data cannot be compared: start a new sweep"
            )
        for line in change.words():
            say(line)
        identity, moved = identity_here(folder)
        refuse_strange(identity.tracking_uri, folder.path)
        if moved is not None:
            say(moved)
        with open_writer(folder, plan) as writer:
            change.commit()
            update_sweep(loaded, plan, folder)
            if settings is not None:
                settings.write(folder)
            search = SpaceSearch(loaded, folder, resumes=True)
            writer.reopen(attempt_of(folder))
            write_missed_records(
                writer, folder, [*search.records.past(), *ended_repeats(read_repeats(folder))]
            )
            report_space(writer, plan, folder, left_out(search.study))
            writer.catch_up()  # deliver what an earlier process left; a sweep does not resume without MLflow
            return _fit(Work(loaded, plan, folder, data, resources), search, writer)


def _fit(work: Work, search: SpaceSearch, writer: SpooledWriter) -> SweepEnd:
    """Run the search, then the repeats of its best; trials that have ended do not run again."""
    account, storage, failures = _account(work, search), StorageWatch(), []
    account.save()
    config = work.plan.config
    reuse = reuse_of(config, work.folder, work.data) if config.search.reuse else None
    writer.start()
    phases = [partial(search_phase, work, search)]
    if config.search.confirm:
        phases.append(partial(_confirm_phase, work, search, config.search.confirm))
    reserve = config.search.confirm.reserve if config.search.confirm else 0.0
    left, spent = 0, None
    try:
        with graceful_interrupt() as interrupt:
            for make_phase, share in zip(phases, (1 - reserve, 1.0), strict=False):
                account.allow(share)
                if interrupt.is_set or storage.problem or (left and account.balance.reached):
                    break
                phase = make_phase()
                phase.search.reuse = reuse
                if len(phase.past) < phase.planned and not account.balance.reached:
                    tuner = make_tuner(work, phase, account, writer, storage, interrupt=interrupt)
                    failures += _causes(tuner.fit())
                left += phase.planned - len(phase.outcomes())
                spent = account.balance.reached or spent
    except TuneError as error:
        if outside := outside_cause(error, work.folder.path):
            raise SweepBroken(outside) from error
        raise
    if storage.problem:
        raise SweepBroken(storage.problem)
    spent = spent if left and not interrupt.is_set else None
    records = search.records
    succeeded = sum(one != "failed" for one in records.outcomes()) + records.begun_with_a_result()
    outcome: SweepOutcome = "interrupted" if interrupt.is_set else "finished" if succeeded else "failed"
    writer.finish(outcome)
    writer.close(LEAVING_S if interrupt.is_set else PATIENCE_S)
    return SweepEnd(succeeded, failures, interrupt.is_set, spent, work.data)


def _confirm_phase(work: Work, search: SpaceSearch, confirm: ConfirmConfig) -> Phase:
    """The confirmation; call it when the search has ended, as it takes the best trials then."""
    finalists = search.records.finalists(confirm.top)
    again = ConfirmSearch(work.plan.config.search, work.folder, finalists, confirm.seeds)
    return confirm_phase(work, again, search.records.past())


def _causes(results: tune.ResultGrid) -> list[str]:
    ended = [results[index] for index in range(len(results))]
    return [cause for result in ended if (cause := _cause(result))]


def _account(work: Work, search: SpaceSearch) -> Account:
    gpus, budget = work.resources.gpus * work.resources.workers, work.plan.config.search.budget
    again = {one.number: max(one.values, default=0) for one in read_repeats(work.folder) if not one.reused}
    return Account(work.folder, budget, gpus=gpus, epochs=search.records.epochs() | again)


def _cause(result: tune.Result) -> str | None:
    """One line on why a trial failed; None if it did not."""
    if result.error:
        return error_line(result.error)
    return str((result.metrics or {}).get(FAILURE, "")).partition("\n")[0] or None


def _prepare(plan: Plan, say: Say) -> Data:
    """The data; what was passed over or assumed is said before decoding, or after it if that found it."""
    known = plan.data.remarks.sentences()
    say(f"data: {data_line(plan.data)}")
    for line in plan.data.injected:
        say(f"on purpose: {line}")
    for sentence in (*known, *plan.notices):
        say(f"note: {sentence}")
    what = f"decoding {plan.config.data.source}"
    say(what)
    console = console_of(sys.stdout)
    with long_work(console, what) as (_, count):
        data = prepare(plan.config.data, plan.largest_image, decode=decode_with_ray, progress=count)
    for sentence in data.remarks.sentences():
        if sentence not in known:
            say(f"note: {sentence}")
    return data


def _save_data(data: Data, folder: SweepFolder, say: Say) -> None:
    save_manifest(data, folder.manifest)
    write_whole(folder.data_remarks, json.dumps(data.remarks.sentences(), indent=1))
    if data.remarks.passed_over:
        save_passed_over(data, folder.passed_over)
        say(f"the files that were passed over are listed in {folder.passed_over}")
    if data.bad:
        save_bad_images(data, folder.bad_images)
        first = f"{data.bad[0].path}: {data.bad[0].reason}"
        images = counted(len(data.bad), "undecodable image")
        say(f"left out {images}, the first {first}; all are listed in {folder.bad_images}")


def _open(
    loaded: LoadedSpace[SweepConfig], plan: Plan, folder: SweepFolder, data: Data, say: Say
) -> SpaceSearch:
    """Create the sweep's study, with its start points, and its records; without records no study is left."""
    starts, misfits = starts_of(loaded, folder.path.parent)
    for line in misfits:
        say(line)
    if starts:
        say(f"starts with {counted(len(starts), 'given point')}")
    search = SpaceSearch(loaded, folder, starts)
    try:
        open_sweep(loaded, plan, folder, data)
    except BaseException:
        search.forget()
        raise
    return search
