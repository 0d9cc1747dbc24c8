"""Accuracy by round: validation by given and by true labels, and test, which never decides."""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from platform.rounds.ledger.records import Book, Reached
from reports.page.svg import LEFT, RIGHT, Plane, decimals_of, figure, line, tick, value_axis

WIDE, NARROW, HEIGHT = 1100, 340, 260
LEAST_SPAN = 0.02
"""So that a change of noise does not fill the figure."""


@dataclass(frozen=True, kw_only=True)
class RoundsPlane(Plane):
    """Rounds from 1 to ``rounds``."""

    rounds: int

    def x(self, number: int) -> float:
        return LEFT + (self.width - LEFT - RIGHT) * (number - 0.5) / self.rounds


def figures(book: Book) -> list[str]:
    """For wide and for narrow windows; none before two rounds have ended."""
    reached = {one.number: one.reached for one in book.done if one.reached is not None}
    if len(reached) < 2:
        return []
    return [_drawn(reached, width) for width in (WIDE, NARROW)]


def _drawn(reached: dict[int, Reached], width: int) -> str:
    courses: list[tuple[str, str, dict[int, float | None]]] = [
        ("given", "validation, given labels", {k: one.accuracy for k, one in reached.items()}),
        ("clean", "validation, true labels", {k: one.clean for k, one in reached.items()}),
        ("test", "test", {k: one.test for k, one in reached.items()}),
    ]
    known = [(kind, words, {k: v for k, v in of.items() if v is not None}) for kind, words, of in courses]
    values = [value for _, _, of in known for value in of.values()]
    low, high = _range(values)
    plane = RoundsPlane(width=width, height=HEIGHT, low=low, high=high, rounds=max(reached))
    parts = [*value_axis(plane, decimals_of(low, high))]
    for number in reached:
        parts += tick(plane, plane.x(number), f"round {number}" if width == WIDE else str(number))
    for kind, words, of in known:
        points = [(plane.x(number), plane.y(value)) for number, value in of.items()]
        parts.append(line(points, f"course {kind}"))
        for (x, y), (number, value) in zip(points, of.items(), strict=True):
            title = escape(f"round {number}: {words} {value:.4f}")
            parts.append(
                f'<circle class="mark {kind}" cx="{x:.1f}" cy="{y:.1f}" r="5"><title>{title}</title></circle>'
            )
    return figure(plane, "Accuracy by round", parts, kind="wide" if width == WIDE else "narrow")


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = max(0.12 * (high - low), (LEAST_SPAN - (high - low)) / 2, 0.002)
    return low - room, high + room
