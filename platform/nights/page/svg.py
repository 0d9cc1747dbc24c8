"""Axes of a figure over nights: dates below, values on the left."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from reports.page.svg import LEFT, RIGHT, Plane, tick, value_axis

DAY_STEPS = (1, 2, 7, 14)


@dataclass(frozen=True, kw_only=True)
class Frame(Plane):
    """The plane of a figure, in px: nights from ``first`` to ``last``."""

    first: date
    last: date

    @property
    def night_width(self) -> float:
        """Pixels from one night to the next."""
        return (self.width - LEFT - RIGHT) / ((self.last - self.first).days + 1)

    def x(self, day: date) -> float:
        return LEFT + self.night_width * ((day - self.first).days + 0.5)


def axes(frame: Frame, decimals: int, unit: str = "") -> Iterator[str]:
    """Grid and labels: values on the left, dates below."""
    yield from value_axis(frame, decimals, unit)
    for day, words in date_ticks(frame):
        yield from tick(frame, frame.x(day), words)


def date_ticks(frame: Frame) -> list[tuple[date, str]]:
    """Dates that fit beside each other: every so many days, or the first of months."""
    room = 62.0
    days = next((step for step in DAY_STEPS if step * frame.night_width >= room), None)
    if days is not None:
        count = (frame.last - frame.first).days // days
        found = [frame.last - timedelta(days=days * number) for number in range(count + 1)]
        return [(day, f"{day.day} {day:%b}") for day in reversed(found)]
    months, day = [], frame.first.replace(day=1)
    while day <= frame.last:
        if day >= frame.first:
            months.append(day)
        day = (day + timedelta(days=32)).replace(day=1)
    every = max(1, math.ceil(room / (30 * frame.night_width)))
    return [(day, f"{day:%b %Y}" if day.month == 1 else f"{day:%b}") for day in months[::every]]
