"""When a night is due: cron expressions in a time zone, with daylight saving as in Debian's cron."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from itertools import islice
from zlib import crc32

from cronsim import CronSim, CronSimError

TIME_OF_DAY = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
CHECKED = 400
"""Times of a schedule that are looked at to see that no local date has two."""


def check_cron(expression: str) -> None:
    """Raises ValueError unless the expression comes, and at most once a local date (which names a night)."""
    if len(expression.split()) != 5:
        raise ValueError(
            f"must be a cron expression of five fields such as 30 22 * * 1-5, got {expression!r}"
        )
    start = datetime(2026, 1, 1, tzinfo=UTC)
    try:
        dates = [one.date() for one in islice(CronSim(expression, start), CHECKED)]
    except CronSimError as error:
        raise ValueError(f"is not a cron expression ({error}), got {expression!r}") from None
    if not dates:
        raise ValueError(f"never comes, got {expression!r}")
    if len(set(dates)) < len(dates):
        raise ValueError(f"comes more than once on one date, which is a night's name, got {expression!r}")


def check_time_of_day(text: str) -> None:
    if not TIME_OF_DAY.fullmatch(text):
        raise ValueError(f"must be a time of day such as 07:00, got {text!r}")


def next_times(expression: str, after: datetime) -> Iterator[datetime]:
    """The times after ``after``, in its time zone; fewer than asked where the schedule ends."""
    return iter(CronSim(expression, after))


def times_between(expression: str, after: datetime, until: datetime) -> list[datetime]:
    """The times after ``after`` up to ``until``, both aware."""
    found = []
    for one in CronSim(expression, after.astimezone(until.tzinfo)):
        if one > until:
            break
        found.append(one)
    return found


def in_words(expression: str) -> str:
    """ "At 22:30, Monday through Friday": cronsim's own words."""
    return CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC)).explain()


def deadline(finish_by: str, due: datetime) -> datetime:
    """The first ``finish_by`` after ``due``, on the clock of its time zone."""
    wanted = time.fromisoformat(finish_by)
    on_the_day = datetime.combine(due.date(), wanted, due.tzinfo)
    if on_the_day > due:
        return on_the_day
    return datetime.combine(due.date() + timedelta(days=1), wanted, due.tzinfo)


def hours_until(finish_by: str, expression: str) -> float:
    """Hours from the schedule's first time to ``finish_by``."""
    due = next(CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC)))
    return (deadline(finish_by, due) - due).total_seconds() / 3600


def jitter_of(identity: str, seconds: float) -> timedelta:
    """A part of ``seconds`` that depends on the night's identity only."""
    return timedelta(seconds=int(seconds * (crc32(identity.encode()) / 2**32)))
