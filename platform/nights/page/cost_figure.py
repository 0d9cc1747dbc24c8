"""Bars by night: how long it took, or GPU hours."""

from collections.abc import Sequence
from datetime import date, timedelta
from xml.sax.saxutils import escape, quoteattr

from platform.nights.ledger.records import Night
from platform.nights.page.series_figure import NARROW, NARROW_DAYS, WIDE
from platform.nights.page.svg import Frame, axes
from reports.page.svg import decimals_of, figure

HEIGHT = 160


def cost_figures(nights: Sequence[Night], last: date, *, gpu: bool) -> list[str]:
    """For wide and for narrow windows; empty where nothing was spent."""
    spent = {date.fromisoformat(one.date): one for one in nights if _value(one, gpu=gpu) > 0}
    if not spent:
        return []
    first = min(spent)
    narrow = max(first, last - timedelta(days=NARROW_DAYS))
    return [
        _bars([one for day, one in spent.items() if day >= start], start, last, width, gpu=gpu)
        for start, width in ((first, WIDE), (narrow, NARROW))
    ]


def _value(night: Night, *, gpu: bool) -> float:
    return night.gpu_hours if gpu else night.seconds / 3600


def _bars(nights: Sequence[Night], first: date, last: date, width: int, *, gpu: bool) -> str:
    values = [_value(one, gpu=gpu) for one in nights]
    in_minutes = not gpu and max(values, default=0) < 2
    scale, unit = (60, " min") if in_minutes else (1, " h")
    high = max(values, default=0) * scale * 1.08 or 1.0
    frame = Frame(width=width, height=HEIGHT, first=first, last=last, low=0.0, high=high)
    parts = [*axes(frame, decimals_of(0.0, high), unit)]
    half = max(frame.night_width * 0.35, 0.6)
    for night, value in zip(nights, values, strict=True):
        x, y = frame.x(date.fromisoformat(night.date)), frame.y(value * scale)
        bar = f"M{x - half:.1f} {frame.floor}V{y:.1f}h{2 * half:.1f}V{frame.floor}z"
        title = f"{night.identity} {night.state}: {value * scale:.3g}{unit}"
        kind = "bar bad" if night.state in ("failed", "stopped") else "bar"
        parts.append(
            f"<a href={quoteattr(f'#{night.identity}')}>"
            f'<path class="{kind}" d="{bar}"><title>{escape(title)}</title></path></a>'
        )
    what = "GPU hours" if gpu else "Duration"
    return figure(frame, f"{what} by night", parts, kind="wide" if width == WIDE else "narrow")
