"""Run a sweep from its lock to its report: what ``platform.search`` and ``platform.api`` have in common."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from platform.tuning.cluster.library_logs import library_defaults

if TYPE_CHECKING:
    from rich.console import Console

    from platform.config.load import LoadedSpace
    from platform.tuning.folder.sweep_folder import SweepFolder
    from platform.tuning.resume.given_settings import GivenSettings
    from platform.tuning.run.plan import Plan
    from platform.tuning.run.sweep import SweepEnd
    from platform.tuning.settings.sweep_config import SweepConfig
    from reports.build.build import Report


@dataclass(frozen=True)
class Done:
    """How the sweep ended, and its report."""

    end: "SweepEnd"
    report: "Report"


@library_defaults()  # Ray reads them when it is imported: before the imports of this function
def carry_out(
    loaded: "LoadedSpace[SweepConfig]",
    plan: "Plan",
    folder: "SweepFolder",
    console: "Console",
    *,
    address: str | None = None,
    settings: "GivenSettings | None" = None,
    data_digest: str | None = None,
    resumes: bool = False,
) -> Done:
    """Begin or resume the sweep in ``folder``, and make its report; Ray is left or stopped afterwards.

    Args:
        settings: What the command gave, which ``--resume`` needs.
        data_digest: The SHA-256 that the data must have; None for any.

    Raises:
        SweepBroken: the sweep cannot go on, as a disk is full, say; what was done is kept.
        UserError: a mistake in the space or the data, or another process runs the sweep.
        KeyboardInterrupt: Ctrl-C, SIGTERM or SIGHUP before the first trial or in the report; a second one.
    """
    from platform.config.errors import UserError
    from platform.storage.disk import broken_disk
    from platform.tuning.cluster.job import refuse_unpacked_folder
    from platform.tuning.cluster.join import leave
    from platform.tuning.errors import SweepBroken
    from platform.tuning.folder.process_lock import SweepProcess, locked, record_end
    from platform.tuning.folder.received import check_folder
    from platform.tuning.resume.automatic import clear
    from platform.tuning.run.sweep import resume_sweep, run_sweep
    from platform.tuning.stopping.interrupt import ended_by_signals

    check_folder(folder)
    refuse_unpacked_folder(folder.path.parent, plan.config.tracking)
    process = SweepProcess.this_process(plan.trials, plan.epochs_at_most, plan.epochs_a_trial)
    with _log_on_stderr(), ended_by_signals(), locked(folder, process):
        console.print(f"sweep {folder.name} in {folder.path}/, MLflow experiment {plan.experiment}")
        try:
            if not resumes:
                clear(folder, loaded)
            run = resume_sweep if resumes else partial(run_sweep, data_digest=data_digest)
            end = run(loaded, plan, folder, address=address, say=console.print, settings=settings)
            report = _report(folder, end, console)
            record_end(folder)
        except (OSError, UserError) as error:
            if (words := broken_disk(error, folder.path)) is None:
                raise
            raise SweepBroken(words) from error
        finally:
            leave()
    return Done(end, report)


@contextmanager
def _log_on_stderr() -> Iterator[None]:
    """Show the platform's own log records while the sweep runs."""
    from rich.console import Console
    from rich.logging import RichHandler

    log, handler = (
        logging.getLogger("platform"),
        RichHandler(console=Console(stderr=True, force_jupyter=False), show_path=False),
    )
    before = log.level
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before)


def _report(folder: "SweepFolder", end: "SweepEnd", console: "Console") -> "Report":
    from platform.tuning.cluster.library_logs import library_logs_to
    from platform.tuning.watching.long_work import long_work
    from reports.build.build import build_report

    with library_logs_to(folder.logs), long_work(console, "reading the sweep") as (say, _):
        return build_report(folder.path, data=end.data, progress=say)
