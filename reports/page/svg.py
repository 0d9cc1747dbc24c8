"""Axes and marks of small figures as SVG; colours are CSS classes, and no script is needed to draw them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

LEFT, RIGHT, TOP, BOTTOM = 58, 14, 32, 30
LETTER = 6.4
"""Mean width of a letter, in px."""


@dataclass(frozen=True, kw_only=True)
class Plane:
    """The plane of a figure, in px: values from ``low`` to ``high``."""

    width: int
    height: int
    low: float
    high: float

    @property
    def floor(self) -> int:
        """Where the lowest value lies."""
        return self.height - BOTTOM

    def y(self, value: float) -> float:
        return self.floor - (value - self.low) / (self.high - self.low) * (self.floor - TOP)


def figure(plane: Plane, label: str, parts: Sequence[str], *, kind: str) -> str:
    """The <svg> element; ``kind`` is its class, ``label`` what a screen reader says."""
    size = f'viewBox="0 0 {plane.width} {plane.height}" width="{plane.width}" height="{plane.height}"'
    return f'<svg class="{kind}" {size} role="img" aria-label={quoteattr(label)}>{"".join(parts)}</svg>'


def value_axis(plane: Plane, decimals: int, unit: str = "") -> Iterator[str]:
    """Grid lines, and the values on the left."""
    for value in nice_ticks(plane.low, plane.high):
        y = plane.y(value)
        yield f'<path class="grid" d="M{LEFT} {y:.1f}H{plane.width - RIGHT}"/>'
        yield text(LEFT - 8, y + 4, f"{value:.{decimals}f}{unit}", "end")


def tick(plane: Plane, x: float, words: str) -> Iterator[str]:
    """A tick at ``x`` with words below, which do not reach over the right end."""
    yield f'<path class="tick" d="M{x:.1f} {plane.floor}v5"/>'
    half = LETTER * len(words) / 2
    yield text(min(x, plane.width - half), plane.floor + 20, words, "middle")


def text(x: float, y: float, words: str, anchor: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'


def line(points: Sequence[tuple[float, float]], kind: str) -> str:
    """A line through the points; nothing where there are fewer than two."""
    if len(points) < 2:
        return ""
    return f'<path class="{kind}" d="M{" ".join(f"{x:.1f} {y:.1f}" for x, y in points)}"/>'


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """About ``count`` round values in the range."""
    step = _nice((high - low) / count)
    first = math.ceil(low / step)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def decimals_of(low: float, high: float) -> int:
    """So many that neighbouring ticks differ."""
    return max(0, -math.floor(math.log10(_nice((high - low) / 5)) + 1e-9))


def _nice(step: float) -> float:
    size = 10 ** math.floor(math.log10(step))
    return float(next(one * size for one in (1, 2, 5, 10) if one * size >= step * (1 - 1e-9)))
