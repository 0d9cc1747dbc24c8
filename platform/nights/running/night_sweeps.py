"""The sweeps of a night, run one after another: what is retried, and what came of each."""

from collections.abc import Sequence
from dataclasses import dataclass

from platform.nights.ledger.places import NightFolder
from platform.nights.ledger.records import Night, SweepRun
from platform.nights.plan.load_plan import LoadedPlan, Subject
from platform.nights.running.words import confirm_of, sweep_name
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.run.command_process import Ended, Stop, run_command
from platform.tuning.stopping.balance import read_balance
from platform.tuning.watching.sweep_state import sweep_state

INTERRUPTED = 130
USAGE = 2
LONGEST_CAUSE = 300


@dataclass(frozen=True)
class Outcome:
    """A sweep's end: ``run`` is None if it left nothing; ``problem``: one line if it did not end well."""

    run: SweepRun | None
    problem: str | None = None
    stopped: str | None = None


def run_subject(
    plan: LoadedPlan, night: Night, subject: Subject, words: Sequence[str], stop: Stop
) -> Outcome:
    """Run the subject's sweep to its end, or go on with it; one that breaks goes on ``retry`` times."""
    log = NightFolder.of(plan.state, night.identity).log
    config = plan.night(night.night)
    seconds = 0.0
    for _ in range(1 + config.retry):
        ended = run_command("platform.search", [*words, "--resume", "auto"], log, stop)
        seconds += ended.seconds
        if ended.code in (0, USAGE, INTERRUPTED) or ended.stopped:
            break
    return _outcome(plan, night, subject, ended, seconds)


def run_fresh_seeds(
    plan: LoadedPlan, night: Night, subject: Subject, words: Sequence[str], more: int, stop: Stop
) -> Outcome:
    """Repeat the subject's finalists with ``more`` further seeds."""
    log = NightFolder.of(plan.state, night.identity).log
    confirm = f"search.confirm={confirm_of(plan, night, subject, more)}"
    kept = [word for word in words if not word.startswith("search.confirm=")]
    ended = run_command("platform.search", [*kept, confirm, "--resume"], log, stop)
    return _outcome(plan, night, subject, ended, ended.seconds)


def _outcome(plan: LoadedPlan, night: Night, subject: Subject, ended: Ended, seconds: float) -> Outcome:
    folder = SweepFolder(plan.out / sweep_name(night.identity, subject.name))
    run = _summary(folder, subject, seconds) if folder.record_file.exists() else None
    if ended.stopped is not None:
        return Outcome(run, stopped=ended.stopped)
    if ended.code == 0:
        return Outcome(run)
    cause = ended.last_line[:LONGEST_CAUSE] or "it said nothing"
    how = "it was interrupted" if ended.code == INTERRUPTED else f"exit code {ended.code}: {cause}"
    return Outcome(run, problem=f"{subject.name}: {how}")


def _summary(folder: SweepFolder, subject: Subject, seconds: float) -> SweepRun:
    state, balance = sweep_state(folder), read_balance(folder)
    page = folder.report / "index.html"
    causes = dict.fromkeys(one.cause for one in state.trials if one.outcome == "failed" and one.cause)
    return SweepRun(
        subject=subject.name,
        name=folder.name,
        space=str(subject.path),
        metric=state.metric,
        best=state.best.best if state.best else None,
        trials=len(state.trials) + len(state.confirmations),
        failed=state.counts.get("failed", 0),
        seconds=round(seconds, 1),
        gpu_seconds=round(balance.spent.gpu_seconds, 1) if balance else 0.0,
        report=str(page) if page.exists() else None,
        parent_run_id=folder.read_record().parent_run_id,
        failures=tuple(str(cause).partition("\n")[0][:LONGEST_CAUSE] for cause in causes),
    )
