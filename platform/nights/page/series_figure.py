"""The figure of a subject's metric by night: seeds, means, intervals, levels, breaks, change points."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from xml.sax.saxutils import escape, quoteattr

from platform.nights.ledger.records import Night
from platform.nights.page.series import Course, Point
from platform.nights.page.svg import Frame, axes
from platform.nights.telling.figures import compared
from reports.page.svg import LEFT, LETTER, RIGHT, TOP, decimals_of, figure, line, text

WIDE, NARROW, HEIGHT = 1100, 340, 280
NARROW_DAYS = 45
LABEL_ROWS = 2
LABEL_HEIGHT = 14


def both_widths(course: Course, others: Sequence[Night], last: date, min_change: float | None) -> list[str]:
    """The figure for wide windows, and for narrow ones one of the last 45 days.

    Args:
        others: Nights that compared nothing: those that failed or were missed are marked on the axis.
        last: The last day of the page.
        min_change: The band around the level; None: no band.
    """
    first = course.points[0].day
    narrow = max(first, last - timedelta(days=NARROW_DAYS))
    return [
        _drawn(course, others, first, last, min_change, WIDE),
        _drawn(course, others, narrow, last, min_change, NARROW),
    ]


def _drawn(
    course: Course, others: Sequence[Night], first: date, last: date, min_change: float | None, width: int
) -> str:
    stretches = [[point for point in one if point.day >= first] for one in course.stretches]
    points = [point for one in stretches for point in one]
    low, high = _range(points or course.points[-1:])
    frame = Frame(width=width, height=HEIGHT, first=first, last=last, low=low, high=high)
    decimals = decimals_of(low, high)
    parts = [*axes(frame, decimals)]
    for stretch in stretches:
        parts += _stretch(frame, stretch, min_change)
    parts += _drift_lines(frame, course)
    parts += _events(frame, course)
    parts += _absent(frame, others)
    parts += [_mark(frame, point) for point in points]
    label = f"{course.subject} {course.metric} by night, {len(points)} nights from {first} to {last}"
    return figure(frame, label, parts, kind="wide" if width == WIDE else "narrow")


def _range(points: Sequence[Point]) -> tuple[float, float]:
    """Of all that is drawn, with a margin."""
    values = [value for point in points for value in (*point.compared.all_values, point.compared.mean)]
    values += [
        value for point in points for value in (*_interval(point), point.compared.level) if value is not None
    ]
    low, high = min(values), max(values)
    margin = (high - low) * 0.06 or max(abs(high), 1.0) * 0.01
    return low - margin, high + margin


def _interval(point: Point) -> tuple[float, ...]:
    """Tonight's mean with the interval of its difference from the level."""
    one = point.compared
    if one.level is None or one.low is None or one.high is None:
        return ()
    return one.level + one.low, one.level + one.high


def _stretch(frame: Frame, stretch: Sequence[Point], min_change: float | None) -> Iterator[str]:
    levels = [
        (frame.x(point.day), point.compared.level) for point in stretch if point.compared.level is not None
    ]
    if min_change is not None and levels:
        half = frame.night_width / 2
        levels_wide = [(levels[0][0] - half, levels[0][1]), *levels, (levels[-1][0] + half, levels[-1][1])]
        upper = [(x, max(frame.y(level + min_change), TOP)) for x, level in levels_wide]
        lower = [(x, min(frame.y(level - min_change), frame.floor)) for x, level in levels_wide]
        yield line([*upper, *reversed(lower)], "band")
    yield line([(x, frame.y(level)) for x, level in levels], "level")
    bars = [
        f"M{frame.x(point.day):.1f} {frame.y(ends[0]):.1f}V{frame.y(ends[1]):.1f}"
        for point in stretch
        if (ends := _interval(point))
    ]
    yield f'<path class="bars" d="{"".join(bars)}"/>' if bars else ""
    dots = [
        f"M{frame.x(point.day):.1f} {frame.y(value):.1f}h0"
        for point in stretch
        for value in point.compared.all_values
    ]
    yield f'<path class="seeds" d="{"".join(dots)}"/>'
    yield line([(frame.x(point.day), frame.y(point.compared.mean)) for point in stretch], "means")


def _drift_lines(frame: Frame, course: Course) -> Iterator[str]:
    for drift in course.drifts:
        inside = [place for place, day in enumerate(drift.days) if day >= frame.first]
        for values, kind in ((drift.average, "ewma"), (drift.low, "limit"), (drift.high, "limit")):
            points = [(frame.x(drift.days[place]), frame.y(values[place])) for place in inside]
            yield line([(x, min(max(y, TOP), frame.floor)) for x, y in points], kind)


def _events(frame: Frame, course: Course) -> Iterator[str]:
    """Vertical lines between nights: breaks, accepted levels, change points with their numbers."""
    half = frame.night_width / 2
    named = [(point.day, "break", f"new series: {words}") for point, words in course.breaks]
    named += [(date.fromisoformat(one.date), "accepted", f"accepted: {one.why}") for one in course.accepted]
    ends = [0.0] * LABEL_ROWS
    for day, kind, words in sorted(named):
        if frame.first < day <= frame.last:
            x = frame.x(day) - half
            row = next((place for place, end in enumerate(ends) if end < x), 0)
            shape, ends[row] = _named_line(frame, x, kind, words, row)
            yield shape
    for number, step in enumerate(course.steps, start=1):
        day = date.fromisoformat(step.after.date)
        if day > frame.first:
            x = frame.x(day) - half
            yield f'<path class="step" d="M{x:.1f} {TOP}V{frame.floor}"/>'
            yield f'<circle class="step" cx="{x:.1f}" cy="{frame.floor - 12}" r="9"/>'
            yield text(x, frame.floor - 8, str(number), "middle", "number")


def _named_line(frame: Frame, x: float, kind: str, words: str, row: int) -> tuple[str, float]:
    """The line with its label above the plane, and where the label ends; it stands on the roomier side."""
    right, left = frame.width - RIGHT - x, x - LEFT
    is_left = right < LETTER * len(words) and left > right
    most = int((left if is_left else right) / LETTER)
    shown = words if len(words) <= most else f"{words[: max(most - 1, 0)]}…"
    y = TOP - 3 - LABEL_HEIGHT * row
    label = text(x + (-5 if is_left else 5), y, shown, "end" if is_left else "start", kind)
    shape = f'<path class="{kind}" d="M{x:.1f} {y - 8}V{frame.floor}">'
    end = x + 5 if is_left else x + 10 + LETTER * len(shown)
    return f"{shape}<title>{escape(words)}</title></path>{label}", end


def _absent(frame: Frame, others: Sequence[Night]) -> Iterator[str]:
    """Crosses and dashes on the axis: nights that failed, were stopped or missed."""
    for night in others:
        day = date.fromisoformat(night.date)
        if frame.first <= day <= frame.last and night.state in ("failed", "stopped", "missed"):
            x, y = frame.x(day), frame.floor
            shape = (
                f"M{x - 4:.1f} {y - 4}l8 8m0 -8l-8 8" if night.state != "missed" else f"M{x - 5:.1f} {y}h10"
            )
            title = f"{night.identity} {night.state}: {night.reason or ''}"
            yield _linked(night, f'<path class="absent {night.state}" d="{shape}"/>', title)


def _mark(frame: Frame, point: Point) -> str:
    """A verdict's shape, so that it is told without colour; what stands out does so among 300 nights, too."""
    one = point.compared
    x, y = f"{frame.x(point.day):.1f}", f"{frame.y(one.mean):.1f}"
    r = min(4.0, max(1.6, frame.night_width * 0.45))
    circle = f"M{x} {y}m-{r:.1f} 0a{r:.1f} {r:.1f} 0 1 0 {2 * r:.1f} 0a{r:.1f} {r:.1f} 0 1 0 -{2 * r:.1f} 0"
    shapes = {
        "worse": f"M{x} {y}m-6 -5h12l-6 10z",
        "better": f"M{x} {y}m-6 5h12l-6 -10z",
        "begun": f"M{x} {y}m-4 -4h8v8h-8z",
    }
    kind = one.verdict or "begun"
    title = f"{point.night.identity} {one.verdict or 'not compared'}: {compared(one)}. {one.why}"
    return _linked(point.night, f'<path class="mark {kind}" d="{shapes.get(kind, circle)}"/>', title)


def _linked(night: Night, shape: str, title: str) -> str:
    """A path that leads to the night's row of the table, with words to point at."""
    opened = shape.removesuffix("/>")
    return f"<a href={quoteattr(f'#{night.identity}')}>{opened}><title>{escape(title)}</title></path></a>"
