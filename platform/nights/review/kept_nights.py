"""Which nights `prune` leaves, and why."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

from platform.nights.ledger.records import Book, Night
from platform.nights.plan.plan_config import KeepConfig, NightConfig, PlanConfig
from platform.nights.running.comparing import level_nights

AFTER_ALL = date.max.isoformat()


def nights_to_prune(plan: PlanConfig, book: Book) -> tuple[list[Night], dict[str, str]]:
    """The nights that may go, the oldest first, and why others stay although `keep` does not name them.

    Nights that left nothing (skipped, missed) and those that were pruned are in neither.
    """
    gone: list[Night] = []
    stay: dict[str, str] = {}
    for name in dict.fromkeys(one.night for one in book.nights.values()):
        ran = [one for one in book.of(name) if _has_run(one)]
        if name not in plan.nights:
            stay |= {one.identity: "the plan has no night of this name any more" for one in ran}
            continue
        why = _reasons(plan.nights[name], book, ran)
        kept = _named_by(plan.nights[name].keep, ran)
        for one in ran:
            if one.identity in why and one.identity not in kept:
                stay[one.identity] = why[one.identity]
            elif one.identity not in kept:
                gone.append(one)
    return sorted(gone, key=lambda one: (one.date, one.night)), stay


def _has_run(night: Night) -> bool:
    return night.state not in ("due", "skipped", "missed") and not night.pruned


def _named_by(keep: KeepConfig, ran: list[Night]) -> set[str]:
    """The last nights, and the first of each month."""
    kept = {one.identity for one in ran[-keep.nights :]}
    if keep.monthly:
        first: dict[str, Night] = {}
        for one in ran:
            first.setdefault(one.date[: len("2026-11")], one)
        kept |= {one.identity for one in first.values()}
    return kept


def _reasons(config: NightConfig, book: Book, ran: list[Night]) -> dict[str, str]:
    """Why nights stay, whatever `keep` says."""
    why = dict.fromkeys(_begin_the_next(config, ran), "the next searches begin with its trials")
    why |= {level[0]: "the level begins with it" for level in _levels(book, ran) if level}
    why |= dict.fromkeys(_accepted(book, ran), "its level was accepted")
    for alias in ("challenger", "champion"):
        why |= dict.fromkeys(_registered(ran, alias), f"the {alias} came from it")
    return why | {one.identity: "it runs" for one in ran if one.is_open}


def measured_of_level(book: Book) -> set[str]:
    """The nights whose values the next one is compared with: these stay, whatever becomes of the sweeps."""
    names = dict.fromkeys(one.night for one in book.nights.values())
    return {
        identity
        for name in names
        if (ran := [one for one in book.of(name) if _has_run(one)])
        for level in _levels(book, ran)
        for identity in level
    }


def _levels(book: Book, ran: list[Night]) -> Iterator[list[str]]:
    """The nights with which the next one is compared: of each subject's metric in its last series."""
    series = {(one.subject, one.metric): one.series for night in ran for one in night.comparisons}
    for (subject, metric), last in series.items():
        after_all = replace(ran[-1], date=AFTER_ALL)
        yield [one.identity for one in level_nights(book, after_all, subject, metric, last)]


def _accepted(book: Book, ran: list[Night]) -> Iterator[str]:
    dates = [one.date for one in book.accepted if ran and one.night == ran[0].night]
    yield from (one.identity for one in ran if dates and one.date == max(dates))


def _registered(ran: list[Night], alias: str) -> Iterator[str]:
    """The night whose sweep bears the alias, as the last one that says so knows."""
    champions = [one.champion for one in ran if one.champion and one.champion.alias == alias]
    for one in ran:
        if champions and champions[-1].sweep in {sweep.name for sweep in one.sweeps}:
            yield one.identity


def _begin_the_next(config: NightConfig, ran: list[Night]) -> Iterator[str]:
    """`start_with.last` takes the last sweep of each space that found anything."""
    last = {run.subject: one.identity for one in ran for run in one.sweeps if run.best is not None}
    return iter(last.values() if config.start_with.last else ())
