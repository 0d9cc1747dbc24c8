"""The HTML of the page across nights: one file that loads nothing from elsewhere."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path

from platform.config.invocation import command_line
from platform.nights.ledger.records import Book
from platform.nights.page import tables
from platform.nights.page.cost_figure import cost_figures
from platform.nights.page.headline import SIGNS, answer, cards
from platform.nights.page.series import Course, courses
from platform.nights.page.series_figure import both_widths
from platform.nights.plan.plan_config import PlanConfig
from platform.nights.plan.schedule import deadline, in_words, next_times
from reports.page.html import course_style, environment, policy

TEMPLATES = Path(__file__).parent / "templates"
SHOWN_NIGHTS = 30
"""Rows of the table that are not folded."""
SLACK = timedelta(hours=1)
LONGEST = timedelta(hours=24)
"""After a night without ``finish_by`` was due: by then something of it is recorded."""


@dataclass(frozen=True)
class DrawnCourse:
    course: Course
    figures: list[str]


def render(plan: PlanConfig, plan_name: str, book: Book, state: Path, now: datetime, file: Path) -> str:
    """The page's HTML. All that comes from the ledger is escaped."""
    now = now.astimezone(plan.zone)
    found = {name: courses(book, name) for name in dict.fromkeys(one.night for one in book.nights.values())}
    shown = cards(plan, book, found)
    undelivered = tables.undelivered(plan, book)
    nights = [*book.nights.values()]
    last = max([now.date(), *(date.fromisoformat(one.date) for one in nights)])
    script = (TEMPLATES / "nights.js").read_text(encoding="utf-8")
    return (
        environment(TEMPLATES)
        .get_template("nights.html.j2")
        .render(
            plan_name=plan_name,
            answer=answer(shown, len(undelivered)),
            is_bad=any(card.is_bad for card in shown),
            cards=shown,
            commands=_commands(file),
            made_at=tables.written(now),
            schedule=[(name, in_words(one.at)) for name, one in plan.nights.items()],
            drawn={name: [_drawn(plan, book, name, one, last) for one in of] for name, of in found.items()},
            steps=[
                (name, tables.step_rows(of, state, _min_change(plan, name) or 0.0))
                for name, of in found.items()
            ],
            durations=cost_figures(nights, last, gpu=False),
            gpu=cost_figures(nights, last, gpu=True),
            rows=tables.night_rows(book, state),
            shown_nights=SHOWN_NIGHTS,
            failures=tables.failures(book),
            skips=tables.skips(book),
            champions=tables.champions(book),
            undelivered=undelivered,
            accepted=sorted(book.accepted, key=lambda one: one.date, reverse=True),
            expected=_expected(plan, now),
            signs=SIGNS,
            style=course_style(TEMPLATES / "nights.css"),
            script=script,
            policy=policy([script]),
        )
    )


def _drawn(plan: PlanConfig, book: Book, name: str, course: Course, last: date) -> DrawnCourse:
    """The band around the level is the plan's now, also for nights that ran with another one."""
    others = [one for one in book.of(name) if not one.comparisons]
    drawn = both_widths(course, others, last, _min_change(plan, name))
    return DrawnCourse(course, drawn)


def _min_change(plan: PlanConfig, night: str) -> float | None:
    """None for a night that the plan no longer has."""
    config = plan.nights.get(night)
    return config.compare.min_change if config else None


def _expected(plan: PlanConfig, now: datetime) -> str:
    """When at the latest this page is written anew, if the scheduler ticks."""
    times = []
    for config in plan.nights.values():
        for due in islice(next_times(config.at, now), 1):
            end = deadline(config.finish_by, due) if config.finish_by else due + LONGEST
            times.append(end + SLACK)
    return min(times).isoformat() if times else ""


def _commands(file: Path) -> dict[str, str]:
    return {verb: command_line("platform.nightly", verb, file) for verb in ("status", "accept", "bisect")}
