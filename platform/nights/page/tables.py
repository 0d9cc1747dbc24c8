"""What the page's tables hold: nights, change points, failures and skips by cause, champions, notices."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import quote

from platform.config.invocation import ROOT
from platform.nights.ledger.records import Book, Night, Told
from platform.nights.page.headline import SIGNS, state_of
from platform.nights.page.series import Course
from platform.nights.plan.plan_config import NOT_PLANNED, PlanConfig
from platform.nights.telling.changes import changes_between
from platform.nights.telling.delivery import is_given_up, next_try, waiting
from platform.nights.telling.figures import compared, number
from platform.tuning.terminal import duration
from reports.findings.causes import VARIABLE

MOST_STEPS = 20


@dataclass(frozen=True)
class NightRow:
    """A night in the table; ``links``: each sweep's name and report, None where that is gone."""

    night: Night
    state: str
    sign: str
    found: list[str]
    took: str
    gpu_hours: str
    links: list[tuple[str, str | None]]


@dataclass(frozen=True)
class StepRow:
    """``kind``: "worse", "better", or "small" for a step below the change that matters."""

    number: int
    course: Course
    words: str
    p: float
    kind: str
    before: Night
    after: Night
    changes: tuple[str, ...]


@dataclass(frozen=True)
class Group:
    """Nights with one cause or reason."""

    cause: str
    count: int
    nights: list[Night]


def night_rows(book: Book, state: Path) -> list[NightRow]:
    """All nights, the newest first."""
    ordered = sorted(book.nights.values(), key=lambda one: (one.due, one.night), reverse=True)
    return [_row(one, state) for one in ordered]


def step_rows(courses: Sequence[Course], state: Path, min_change: float) -> list[StepRow]:
    """The change points of all courses, the newest first, each with what changed between its two nights."""
    rows = []
    for course in courses:
        for place, step in enumerate(course.steps[-MOST_STEPS:], len(course.steps[:-MOST_STEPS]) + 1):
            changes = changes_between(step.before, step.after, state, ROOT)
            words = f"{number(step.old, 4)} → {number(step.new, 4)}"
            kind = "worse" if step.is_worse else "better"
            kind = kind if abs(step.new - step.old) >= min_change else "small"
            rows.append(StepRow(place, course, words, step.p, kind, step.before, step.after, changes))
    return sorted(rows, key=lambda one: one.after.date, reverse=True)


def failures(book: Book) -> list[Group]:
    """Causes of nights that failed and of trials that did; those that differ in numbers or paths are one."""
    causes = [
        (cause, night)
        for night in book.nights.values()
        for cause in (
            *([night.reason or "no reason is recorded"] if _is_failure(night) else []),
            *(cause for run in night.sweeps for cause in run.failures),
        )
    ]
    return _grouped(causes)


def _is_failure(night: Night) -> bool:
    return night.state in ("failed", "stopped") and night.reason != NOT_PLANNED


def skips(book: Book) -> list[Group]:
    """Reasons of nights that were skipped or missed."""
    return _grouped(
        [
            (f"{night.state}: {night.reason or 'no reason is recorded'}", night)
            for night in book.nights.values()
            if night.state in ("skipped", "missed")
        ]
    )


def champions(book: Book) -> list[Night]:
    """Nights that promoted something, the newest first."""
    found = [one for one in book.nights.values() if one.champion is not None]
    return sorted(found, key=lambda one: one.due, reverse=True)


def undelivered(plan: PlanConfig, book: Book) -> list[tuple[Told, list[str], str]]:
    """Notices that a channel has not taken: which channels, and what becomes of them."""
    found = []
    for told in book.told.values():
        if told.problem and (names := waiting(told, plan.notify)):
            found.append((told, names, _next(told)))
    return found


def _next(told: Told) -> str:
    if is_given_up(told):
        return f"given up after {told.tries} tries"
    again = next_try(told)
    assert again is not None
    return f"{told.tries} tries, the next after {again:%Y-%m-%d %H:%M}"


def _row(night: Night, state: Path) -> NightRow:
    kind = state_of(night)
    found = [
        f"{one.verdict or 'not compared'}: {compared(one)}"
        + (
            f" ({one.seeds_needed} seeds would decide)"
            if one.verdict == "unclear" and one.seeds_needed
            else ""
        )
        for one in night.comparisons
    ]
    return NightRow(
        night,
        "done" if kind == "begun" else kind,
        SIGNS[kind],
        found,
        duration(night.seconds) if night.seconds else "",
        f"{night.gpu_hours:.1f}" if night.gpu_hours else "",
        [*_links(night, state)],
    )


def _links(night: Night, state: Path) -> Iterator[tuple[str, str | None]]:
    for run in night.sweeps:
        words = run.subject + (f" ({run.failed} of {run.trials} failed)" if run.failed else "")
        report = Path(run.report) if run.report else None
        yield words, _relative(report, state) if report is not None and report.exists() else None


def _relative(file: Path, state: Path) -> str:
    return quote(os.path.relpath(file, state).replace(os.sep, "/"))


def _grouped(causes: list[tuple[str, Night]]) -> list[Group]:
    """The most frequent first. Messages that differ only in numbers or paths are one: the last is shown."""
    groups: dict[str, list[tuple[str, Night]]] = {}
    for cause, night in sorted(causes, key=lambda one: one[1].due):
        groups.setdefault(VARIABLE.sub("…", cause), []).append((cause, night))
    found = [Group(each[-1][0], len(each), _distinct(night for _, night in each)) for each in groups.values()]
    return sorted(found, key=lambda one: -one.count)


def _distinct(nights: Iterator[Night]) -> list[Night]:
    return [*{one.identity: one for one in nights}.values()]


def written(at: datetime) -> str:
    return f"{at:%A}, {at.day} {at:%B %Y, %H:%M} ({at:%Z})"
