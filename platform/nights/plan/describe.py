"""``plan``: what runs, when (in words, the next five times with their offset), and what it may cost."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from statistics import median
from typing import Any

from platform.nights.ledger.records import Book
from platform.nights.plan.load_plan import LoadedPlan, Subject
from platform.nights.plan.plan_config import NightConfig
from platform.nights.plan.schedule import in_words, next_times
from platform.tuning.terminal import duration

SHOWN_TIMES = 5


def as_json(plan: LoadedPlan, now: datetime) -> dict[str, Any]:
    """``{"nights": [{"night": …, "next": [five times]}]}``."""
    return {
        "plan": plan.name,
        "time_zone": plan.config.time_zone,
        "nights": [
            {
                "night": name,
                "at": night.at,
                "words": in_words(night.at),
                "next": [one.isoformat() for one in _next(night, now)],
                "subjects": [{"subject": one.name, "space": str(one.path)} for one in plan.subjects[name]],
            }
            for name, night in plan.config.nights.items()
        ],
    }


def as_lines(plan: LoadedPlan, book: Book, now: datetime) -> Iterator[str]:
    """The same for people, with what each night may cost."""
    yield f"plan {plan.name}, times in {plan.config.time_zone}, state in {plan.state}/, sweeps in {plan.out}/"
    for name, night in plan.config.nights.items():
        yield ""
        yield f"{name}: {in_words(night.at).lower()} ({night.at})"
        for one in _next(night, now):
            yield f"    {one:%a %Y-%m-%d %H:%M %z}"
        for subject in plan.subjects[name]:
            yield f"  {_subject(subject, night)}"
        yield f"  costs {_cost(plan, book, name)}"
        yield f"  runs {_conditions(night)}"
        yield f"  compares {_comparison(night)}"
        yield f"  {_afterwards(night)}"
    yield ""
    yield f"tells: {_telling(plan)}"


def _next(night: NightConfig, now: datetime) -> list[datetime]:
    return list(islice(next_times(night.at, now), SHOWN_TIMES))


def _subject(subject: Subject, night: NightConfig) -> str:
    from platform.tuning.run.plan import repeats_of, trials_of  # imports torch

    config = subject.loaded.first()
    if subject.is_canary:
        assert night.canary is not None
        trials, kind = night.canary.seeds, "seeds"
    else:
        searched = trials_of(subject.loaded)
        confirmed = config.model_copy(
            update={"search": config.search.model_copy(update={"confirm": night.confirm})}
        )
        trials, kind = searched + repeats_of(confirmed, searched), "trials"
    epochs = max(corner.total_epochs for corner in subject.loaded.corners())
    share = "" if subject.is_canary else f", weight {subject.weight:g}"
    return f"{subject.name}: {subject.path}, {trials} {kind} of {epochs} epochs at most{share}"


def _cost(plan: LoadedPlan, book: Book, name: str) -> str:
    night = plan.night(name)
    past = [one for one in book.of(name) if one.state == "done" and not one.canary_only]
    limits = [f"{night.budget} for the spaces"] if str(night.budget) else []
    limits += [f"ends by {night.finish_by}"] if night.finish_by else []
    bound = "; ".join(limits) or "no limit of its own: the sweeps end when their trials have"
    if not past:
        return f"not known before its first night; {bound}"
    hours = median(one.gpu_hours for one in past)
    gpu = f" and {hours:.2f} GPU hours" if hours else ""
    return f"{duration(median(one.seconds for one in past))}{gpu} (median of {len(past)}); {bound}"


def _conditions(night: NightConfig) -> str:
    parts = ["if code, packages, spaces, data or device changed" if night.when == "changed" else "always"]
    if night.when == "changed" and night.heartbeat and night.canary:
        parts.append(f"the canary alone after {night.heartbeat} without a change")
    parts.append(f"within {night.start_within} of its time, else it is missed")
    if night.jitter:
        parts.append(f"up to {night.jitter} later, so that machines spread")
    overlap = {"skip": "skipped", "wait": "waits", "stop": "stops it"}[night.overlap]
    parts.append(f"where another night still runs: {overlap}")
    return "; ".join(parts)


def _comparison(night: NightConfig) -> str:
    compare = night.compare
    fresh = compare.fresh_seeds or "as many again"
    metrics = ", ".join(compare.metrics)
    return f"{metrics}, where {compare.min_change:g} matters; fresh seeds of a suspicion: {fresh}"


def _afterwards(night: NightConfig) -> str:
    keep = f"keeps {night.keep.nights} nights" + (" and one a month" if night.keep.monthly else "")
    promote = "registers a better winner; " if night.promote == "if_better" else ""
    return f"{promote}{keep} (prune)"


def _telling(plan: LoadedPlan) -> str:
    notify = plan.config.notify
    if not notify.to:
        return "nobody (notify.to is empty); status and page say it"
    kinds = [
        next(name for name in type(one).model_fields if getattr(one, name) is not None) for one in notify.to
    ]
    return f"{', '.join(kinds)}, on {', '.join(notify.on)}"
