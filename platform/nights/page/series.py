"""One subject's metric over the nights: its series, where they break, and where they step or drift."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from statistics import median

from platform.nights.ledger.records import CANARY, Accepted, Book, Comparison, Night
from platform.nights.verdicts.change_points import change_points
from platform.nights.verdicts.drift import ewma

MOST_NIGHTS_SEARCHED = 120
"""Change points are looked for in a series' last nights: the test takes the square of their number."""
P_LIMIT = 0.02
"""Many series are searched every night: the usual 0.05 finds steps in most pages."""
FEWEST_FOR_DRIFT = 8
RANGE_TO_SIGMA = 0.954
"""The median difference of neighbouring values of a normal distribution, in standard deviations."""


@dataclass(frozen=True)
class Point:
    night: Night
    compared: Comparison

    @property
    def day(self) -> date:
        return date.fromisoformat(self.night.date)


@dataclass(frozen=True)
class Step:
    """A change point: between the nights ``before`` and ``after`` the mean went ``old`` → ``new``."""

    before: Night
    after: Night
    old: float
    new: float
    p: float
    is_worse: bool


@dataclass(frozen=True)
class Drift:
    """The moving average of a stretch of one series and level, with its control limits, by day."""

    days: tuple[date, ...]
    average: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]

    @property
    def is_outside(self) -> bool:
        """Whether the last night's average lies beyond its limits."""
        return not self.low[-1] <= self.average[-1] <= self.high[-1]


@dataclass(frozen=True)
class Course:
    """A subject's metric over all nights.

    Attributes:
        stretches: Points of one series each, in order; between two of them nothing may be compared.
        steps: Change points within the stretches.
        drifts: Of each stretch since its last accepted level, where there are nights enough.
        accepted: What people accepted in this time.
    """

    subject: str
    metric: str
    stretches: tuple[tuple[Point, ...], ...]
    steps: tuple[Step, ...]
    drifts: tuple[Drift, ...]
    accepted: tuple[Accepted, ...]

    @property
    def points(self) -> list[Point]:
        return [point for stretch in self.stretches for point in stretch]

    @property
    def breaks(self) -> list[tuple[Point, str]]:
        """The first point of each new series, and what differs."""
        return [
            (after[0], _what_differs(before[-1].compared.series, after[0].compared.series))
            for before, after in pairwise(self.stretches)
        ]

    @property
    def is_drifting(self) -> bool:
        return bool(self.drifts) and self.drifts[-1].is_outside and self._drift_is_of_now

    @property
    def _drift_is_of_now(self) -> bool:
        return self.drifts[-1].days[-1] == self.points[-1].day


def courses(book: Book, night: str) -> list[Course]:
    """Of all subjects and metrics that the nights of this name compared; the canary's first."""
    points: dict[tuple[str, str], list[Point]] = {}
    for one in book.of(night):
        for compared in one.comparisons:
            points.setdefault((compared.subject, compared.metric), []).append(Point(one, compared))
    accepted = tuple(one for one in book.accepted if one.night == night)
    names = sorted(points, key=lambda name: not name[0].startswith(CANARY))
    return [_course(*name, points[name], accepted) for name in names]


def _course(subject: str, metric: str, points: list[Point], accepted: tuple[Accepted, ...]) -> Course:
    stretches: list[list[Point]] = []
    for point in points:
        if not stretches or stretches[-1][-1].compared.series != point.compared.series:
            stretches.append([])
        stretches[-1].append(point)
    steps = [step for stretch in stretches for step in _steps(stretch[-MOST_NIGHTS_SEARCHED:])]
    drifts = [_drift(_since_accepted(stretch, accepted)) for stretch in stretches]
    return Course(
        subject,
        metric,
        tuple(tuple(one) for one in stretches),
        tuple(steps),
        tuple(one for one in drifts if one is not None),
        accepted,
    )


def _steps(stretch: Sequence[Point]) -> list[Step]:
    values = [point.compared.mean for point in stretch]
    found = change_points(values, p_limit=P_LIMIT)
    bounds = [0, *(one.index for one in found), len(values)]
    means = [sum(values[a:b]) / (b - a) for a, b in pairwise(bounds)] if values else []
    steps = []
    direction = stretch[0].compared.direction if stretch else "max"
    for one, (old, new) in zip(found, pairwise(means), strict=True):
        is_worse = (new < old) == (direction == "max")
        steps.append(Step(stretch[one.index - 1].night, stretch[one.index].night, old, new, one.p, is_worse))
    return steps


def _since_accepted(stretch: Sequence[Point], accepted: Sequence[Accepted]) -> Sequence[Point]:
    since = max((one.date for one in accepted), default="")
    later = [point for point in stretch if point.night.date >= since]
    return later or stretch


def _drift(stretch: Sequence[Point]) -> Drift | None:
    """None for too few nights, or where their values do not vary.

    Nights that were better or worse are no drift but have a name, and are left out as from the level.
    """
    stretch = [point for point in stretch if point.compared.verdict not in ("better", "worse")]
    values = [point.compared.mean for point in stretch]
    if len(values) < FEWEST_FOR_DRIFT:
        return None
    sigma = median(abs(b - a) for a, b in pairwise(values)) / RANGE_TO_SIGMA
    if sigma == 0:
        return None
    levels = [point.compared.level for point in stretch if point.compared.level is not None]
    average, low, high = ewma(values, sigma, centre=levels[-1] if levels else None)
    return Drift(
        tuple(point.day for point in stretch), *(tuple(map(float, one)) for one in (average, low, high))
    )


def _what_differs(old: str, new: str) -> str:
    """The parts of a series' name, ``device | data … | settings …``, that are others now."""
    parts = [
        now.partition(" ")[0] if now.startswith(("data ", "settings ")) else now
        for was, now in zip(old.split(" | "), new.split(" | "), strict=False)
        if was != now
    ]
    return ", ".join(parts) or "another series"
