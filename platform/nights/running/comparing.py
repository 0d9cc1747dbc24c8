"""A night's seeds against its level: which nights that is, what is compared, and the night's verdict."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from platform.nights.ledger.places import NightFolder
from platform.nights.ledger.records import CANARY, OLD_DATA, Book, Comparison, Finding, Night, SweepRun, Word
from platform.nights.plan.load_plan import LoadedPlan
from platform.nights.running.measured import kept_measured
from platform.nights.verdicts.level import without_echoes
from platform.nights.verdicts.measured import Measured
from platform.nights.verdicts.verdict import Case
from platform.tuning.folder.sweep_folder import SweepFolder
from platform.tuning.goals import natural_direction

ORDER: tuple[Word, ...] = ("worse", "better", "unclear", "same")
"""Of a night's verdicts the first of these is the night's."""
SHOWN = 12

MeasuredBy = Mapping[tuple[str, str], Measured]
"""By subject and metric."""


@dataclass(frozen=True)
class Reference:
    """The level that a subject's metric is compared with, and the series that it belongs to."""

    series: str
    nights: tuple[Night, ...]
    level: tuple[Measured, ...]
    begins: str | None
    """Why there is no level; None where there is one."""


def reference(
    plan: LoadedPlan, book: Book, night: Night, subject: str, metric: str, series: str
) -> Reference:
    """The nights since the last accepted change that have the same series and differ by chance only."""
    nights = level_nights(book, night, subject, metric, series)
    level = []
    used = []
    for one in nights:
        kept = kept_measured(NightFolder.of(plan.state, one.identity).measured)
        if (key := _measured_as(one, subject, metric, series)) in kept:
            level.append(kept[key])
            used.append(one)
    begins = None if level else _why_it_begins(book, night, subject, metric, series)
    return Reference(series, tuple(used), tuple(level), begins)


def level_nights(book: Book, night: Night, subject: str, metric: str, series: str) -> list[Night]:
    """The nights before ``night`` that are its level, the oldest first.

    A better or worse night is no part of it, until a person accepts it: the level begins with that night.
    """
    accepted = [one.date for one in book.accepted if one.night == night.night and one.date < night.date]
    since = max(accepted, default="")
    found = []
    for one in book.of(night.night):
        if one.state != "done" or not since <= one.date < night.date:
            continue
        for compared in one.comparisons:
            is_it = (_kind(compared.subject), compared.metric, compared.series) == (
                _kind(subject),
                metric,
                series,
            )
            by_chance = compared.verdict in (None, "same", "unclear") or one.date == since
            if is_it and by_chance:
                found.append(one)
    return found


def _kind(subject: str) -> str:
    """The canary is one, whatever data it runs on: the series tells these apart."""
    return CANARY if subject == OLD_DATA else subject


def _measured_as(night: Night, subject: str, metric: str, series: str) -> tuple[str, str]:
    """Under which subject the night measured the series."""
    for one in night.comparisons:
        if (_kind(one.subject), one.metric, one.series) == (_kind(subject), metric, series):
            return one.subject, metric
    return subject, metric


def _why_it_begins(book: Book, night: Night, subject: str, metric: str, series: str) -> str:
    past = [
        compared
        for one in book.of(night.night)
        if one.date < night.date
        for compared in one.comparisons
        if (compared.subject, compared.metric) == (subject, metric)
    ]
    if not past:
        return "the first night that measures it: a level begins"
    changed = [
        what
        for what, old, new in zip(
            ("device", "data", "settings"), *map(_parts, (past[-1].series, series)), strict=True
        )
        if old != new
    ]
    if not changed:
        return "what the nights before measured is gone, so that a level begins"
    return f"other {' and '.join(changed)} than on the nights before: a new series begins"


def series_of(plan: LoadedPlan, night: Night, run: SweepRun) -> str:
    """Device, data with their splits, and settings: only where all are equal, nights are compared."""
    assert night.fingerprint is not None
    digest = SweepFolder(plan.out / run.name).read_record().data_digest
    settings = night.fingerprint.spaces[CANARY if run.subject == OLD_DATA else run.subject]
    return f"{night.fingerprint.device} | data {digest[:SHOWN]} | settings {settings[:SHOWN]}"


def _parts(series: str) -> list[str]:
    return series.split(" | ")


def cases(
    plan: LoadedPlan, night: Night, references: Mapping[tuple[str, str], Reference], measured: MeasuredBy
) -> list[Case]:
    """What is compared, without fresh seeds yet."""
    compare = plan.night(night.night).compare
    return [
        Case(
            subject=subject,
            metric=metric,
            direction=natural_direction(metric),
            min_change=compare.min_change,
            tonight=measured[subject, metric],
            level=without_echoes(
                measured[subject, metric],
                known.level,
                [_was_unclear(one, subject, metric) for one in known.nights],
            ),
            between_nights=_kind(subject) != CANARY,
        )
        for (subject, metric), known in references.items()
    ]


def _was_unclear(night: Night, subject: str, metric: str) -> bool:
    return any(
        (_kind(one.subject), one.metric, one.verdict) == (_kind(subject), metric, "unclear")
        for one in night.comparisons
    )


def comparisons(
    found: Sequence[tuple[Case, Finding]], references: Mapping[tuple[str, str], Reference]
) -> Iterator[Comparison]:
    for case, finding in found:
        known = references[case.subject, case.metric]
        decided = case.fresh if finding.is_confirmed and case.fresh is not None else case.tonight
        every = {**case.tonight.finished, **(case.fresh.finished if case.fresh else {})}
        yield Comparison(
            subject=case.subject,
            metric=case.metric,
            direction=case.direction,
            values=tuple(decided.finished.values()),
            all_values=tuple(every.values()),
            series=known.series,
            **vars(replace(finding, why=known.begins or finding.why)),
        )


def verdict_of(compared: Sequence[Comparison]) -> Word | None:
    """The night's verdict: the first of worse, better, unclear, same that any comparison has."""
    words = {one.verdict for one in compared}
    return next((word for word in ORDER if word in words), None)
