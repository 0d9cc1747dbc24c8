"""``status``: the nights that have been, for people and, with ``--json``, for programs."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.table import Table
from rich.text import Text

from platform.nights.ledger.records import Book, Night
from platform.nights.plan.load_plan import LoadedPlan
from platform.nights.plan.schedule import next_times
from platform.nights.telling.delivery import waiting
from platform.tuning.terminal import duration

SHOWN = 14


def as_json(plan: LoadedPlan, book: Book, now: datetime) -> dict[str, Any]:
    """``{"nights": [{"night": "digits@2026-11-30", "state": "done"}]}``, the oldest first."""
    return {
        "plan": plan.name,
        "nights": [
            {**_night(one), "in_plan": one.night in plan.config.nights}
            for one in sorted(book.nights.values(), key=lambda one: (one.due, one.night))
        ],
        "next": {
            name: next(iter(next_times(night.at, now))).isoformat()
            for name, night in plan.config.nights.items()
        },
        "accepted": [asdict(one) for one in book.accepted],
        "undelivered": [
            {"night": one.identity, "occasion": one.occasion, "problem": one.problem, "tries": one.tries}
            for one in book.told.values()
            if waiting(one, plan.config.notify)
        ],
    }


def table(book: Book) -> Table | None:
    """The last nights, the newest first, a row each; long reasons are wrapped. None without a night."""
    nights = sorted(book.nights.values(), key=lambda one: (one.due, one.night), reverse=True)
    if not nights:
        return None
    made = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("night", "state", "verdict", "took"):
        made.add_column(name, no_wrap=True)
    made.add_column("why", overflow="fold")
    for one in nights[:SHOWN]:
        took = duration(one.seconds) if one.seconds else "–"
        cells = (one.identity, one.state, one.verdict or "–", took, _why(one))
        made.add_row(*(Text(cell) for cell in cells))
    return made


def taken_out(plan: LoadedPlan, book: Book) -> list[str]:
    """Names of nights that the plan had and has no more."""
    names = dict.fromkeys(one.night for one in book.nights.values())
    return [name for name in names if name not in plan.config.nights]


def _night(night: Night) -> dict[str, Any]:
    fields = asdict(night)
    fields.pop("date")
    return {**fields, "night": night.identity, "seconds": night.seconds, "gpu_hours": night.gpu_hours}


def _why(night: Night) -> str:
    """What a person wants to know first: the comparison that decided, else the reason."""
    deciding = [one for one in night.comparisons if one.verdict == night.verdict and one.verdict is not None]
    if night.state == "done" and deciding:
        first = deciding[0]
        return f"{first.subject}: {first.why}"
    return night.reason or ""
