"""The command line of each sweep of a night: what the plan lays over a space, and its share of the budget."""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from platform.nights.ledger.records import Book, Night
from platform.nights.plan.load_plan import LoadedPlan, Subject
from platform.nights.plan.schedule import deadline
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.settings.budget_config import BudgetConfig


def sweep_name(identity: str, subject: str) -> str:
    return f"{identity}-{subject}"


def until(plan: LoadedPlan, book: Book, night: Night) -> datetime | None:
    """When the sweeps must end: ``finish_by``, less what followed them on most earlier nights."""
    finish_by = plan.night(night.night).finish_by
    if finish_by is None:
        return None
    due = datetime.fromisoformat(night.due).astimezone(plan.config.zone)
    past = sorted(one.report_seconds for one in book.of(night.night) if one.state == "done")
    reserve = past[int(0.9 * (len(past) - 1))] if past else 0.0
    return deadline(finish_by, due) - timedelta(seconds=reserve)


def budget_of(plan: LoadedPlan, night: Night, subject: Subject, left_s: float | None) -> BudgetConfig:
    """A space's share of the night's budget and of the time that is left, by the weights of those to come.

    The space's own budget holds, too: the smaller of each limit.
    """
    subjects = [one for one in plan.subjects[night.night] if not one.is_canary]
    place = [one.name for one in subjects].index(subject.name)
    whole = plan.night(night.night).budget
    of_all = subject.weight / sum(one.weight for one in subjects)
    of_rest = subject.weight / sum(one.weight for one in subjects[place:])
    own = subject.loaded.first().search.budget
    times = [own.time_s, whole.time_s and whole.time_s * of_all, left_s and left_s * of_rest]
    epochs = [own.epochs, whole.epochs and max(1, int(whole.epochs * of_all))]
    hours = [own.gpu_hours, whole.gpu_hours and whole.gpu_hours * of_all]
    seconds = [one for one in times if one]
    return BudgetConfig(
        time=f"{max(1, int(min(seconds)))}s" if seconds else None,
        epochs=min((one for one in epochs if one), default=None),
        gpu_hours=min((one for one in hours if one), default=None),
    )


def arguments_of(
    plan: LoadedPlan, book: Book, night: Night, subject: Subject, left_s: float | None
) -> list[str]:
    """The words behind ``python -m platform.search`` for one subject of a night."""
    name = sweep_name(night.identity, subject.name)
    words = [str(subject.path), *subject.overrides]
    if subject.loaded.first().experiment is None:
        words.append(f"experiment={night.night}")
    page = (plan.state / "index.html").absolute()
    words += [f"tracking.tags.night={night.identity}", f"tracking.tags.nights={json.dumps(str(page))}"]
    words.append(f"search.confirm={confirm_of(plan, night, subject)}")
    if not SweepFolder(plan.out / name).record_file.exists():  # what it began with holds when it goes on
        budget = budget_of(plan, night, subject, left_s) if not subject.is_canary else BudgetConfig()
        limits = [f"{key}: {value}" for key, value in budget.model_dump().items() if value is not None]
        words += [f"search.budget={{{', '.join(limits)}}}"] if limits else []
        starts = _starts(plan, book, night, subject) if not subject.is_canary else []
        own = [json.dumps(one) for one in subject.loaded.first().search.start_with]
        words += [f"search.start_with=[{', '.join([*own, *starts])}]"] if starts else []
    words += ["--name", name, "--out", str(plan.out)]
    words += ["--address", plan.config.address] if plan.config.address else []
    return words


def confirm_of(plan: LoadedPlan, night: Night, subject: Subject, more: int = 0) -> str:
    """``search.confirm`` of a subject, with ``more`` fresh seeds; of a budget, repeats keep their share."""
    top, seeds = top_of(plan, night, subject), seeds_of(plan, night, subject)
    repeats, trials = top * seeds, subject.loaded.first().search.trials
    reserve = 0.0 if subject.is_canary else repeats / (trials + repeats)
    return f"{{top: {top}, seeds: {seeds + more}, reserve: {reserve:.2f}}}"


def top_of(plan: LoadedPlan, night: Night, subject: Subject) -> int:
    return 1 if subject.is_canary else plan.night(night.night).confirm.top


def seeds_of(plan: LoadedPlan, night: Night, subject: Subject) -> int:
    """The repeats with other seeds; the canary's first trial is one of its seeds."""
    config = plan.night(night.night)
    if subject.is_canary:
        assert config.canary is not None
        return config.canary.seeds - 1
    return config.confirm.seeds


def _starts(plan: LoadedPlan, book: Book, night: Night, subject: Subject) -> list[str]:
    """Starts from earlier nights' sweeps that are still there."""
    wanted = plan.night(night.night).start_with
    past = [one for one in book.of(night.night) if one.date < night.date]
    starts = []
    if wanted.last and (sweep := _last_sweep(plan.out, past, subject)):
        starts.append(f"{{from: {sweep}, best: {wanted.last}}}")
    champions = [one.champion for one in past if one.champion and one.champion.alias == "champion"]
    if wanted.champion and champions:
        sweep = champions[-1].sweep
        if sweep.endswith(f"-{subject.name}") and SweepFolder(plan.out / sweep).record_file.exists():
            starts.append(f"{{from: {sweep}, best: 1}}")
    return starts


def _last_sweep(out: Path, past: Sequence[Night], subject: Subject) -> str | None:
    for one in reversed(past):
        for sweep in one.sweeps:
            is_there = SweepFolder(out / sweep.name).record_file.exists()
            if sweep.subject == subject.name and sweep.best is not None and is_there:
                return sweep.name
    return None
