"""The first screen: is anything wrong, since when, and what changed then."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

from platform.nights.ledger.records import Book, Night
from platform.nights.page.series import Course
from platform.nights.plan.plan_config import NOT_PLANNED, PlanConfig
from platform.nights.telling.figures import compared
from platform.nights.telling.occasions import Standing, standing_of

TILES = 35
SHOWN_CHANGES = 5
SIGNS = {
    "worse": "▼",
    "better": "▲",
    "same": "=",
    "unclear": "?",
    "begun": "○",
    "failed": "×",
    "stopped": "×",
    "missed": "–",
    "skipped": "·",
    "running": "…",
    "due": "…",
}
"""A night's state as one character, so that it is told without colour."""


@dataclass(frozen=True)
class Card:
    """How one of the plan's nights stands.

    Attributes:
        says: "worse since Wednesday, 2 December 2026".
        details: The figures and causes behind it.
        changes: What changed with the first night of a bad row; ``more`` of them are not shown.
        running: The night that runs now.
        drifts: What moves slowly, before any night is worse.
        tiles: The last five weeks: state, sign, identity and title of each night.
    """

    name: str
    is_bad: bool
    kind: str
    says: str
    details: list[str]
    changes: list[str]
    more: int
    since: Night | None
    running: list[str]
    drifts: list[str]
    tiles: list[tuple[str, str, str, str]]


def cards(plan: PlanConfig, book: Book, courses: dict[str, list[Course]]) -> list[Card]:
    """One a night of the plan, or one that it had; those with something wrong first."""
    taken_out = dict.fromkeys(one.night for one in book.nights.values() if one.night not in plan.nights)
    found = [_card(name, book, courses.get(name, [])) for name in plan.nights]
    found += [_without_a_say(_card(name, book, courses.get(name, []))) for name in taken_out]
    return sorted(found, key=lambda card: not card.is_bad)


def answer(found: list[Card], undelivered: int) -> str:
    """The page's first words."""
    bad = [f"{card.name} {card.says}" for card in found if card.is_bad]
    if bad:
        return "; ".join(bad)
    if all(card.since is None for card in found):
        return "No night has ended yet"
    if not undelivered:
        return "Nothing is wrong"
    count = f"{undelivered} notice{'s were' if undelivered > 1 else ' was'}"
    return f"Nothing is wrong, but {count} not delivered"


def state_of(night: Night) -> str:
    """Its verdict if it was done, "begun" without one, else its state."""
    return night.verdict or "begun" if night.state == "done" else night.state


def in_words(day: str) -> str:
    """ "Wednesday, 2 December 2026"."""
    at = date.fromisoformat(day)
    return f"{at:%A}, {at.day} {at:%B %Y}"


def _card(name: str, book: Book, courses: list[Course]) -> Card:
    nights, standing = book.of(name), standing_of(book, name)
    # A drop that the verdict has named moves the average, too.
    is_named = standing is not None and standing.condition in ("worse", "better")
    running, drifts = [*_running(nights)], [] if is_named else [*_drifting(courses)]
    tiles = [
        (state_of(one), SIGNS[state_of(one)], one.identity, f"{one.identity} {_title(one)}")
        for one in nights[-TILES:]
    ]
    if standing is None:
        return Card(name, False, "none", "has not ended a night yet", [], [], 0, None, running, drifts, tiles)
    since = standing.since
    changes = list(since.changes) if standing.condition in ("worse", "better") else []
    return Card(
        name,
        standing.is_bad,
        "well" if standing.is_accepted else standing.condition,
        _says(standing),
        [*_details(standing)],
        changes[:SHOWN_CHANGES],
        max(len(changes) - SHOWN_CHANGES, 0),
        since,
        running,
        drifts,
        tiles,
    )


def _without_a_say(card: Card) -> Card:
    """Of a night that was taken out of the plan: nothing about it is wrong any more."""
    says = f"is {NOT_PLANNED}"
    return replace(
        card, is_bad=False, kind="none", says=says, since=None, details=[], changes=[], more=0, drifts=[]
    )


def _says(standing: Standing) -> str:
    since = in_words(standing.since.date)
    if standing.is_accepted:
        return f"was worse since {since}; that level is accepted"
    words = {
        "worse": f"is worse since {since}",
        "better": f"is better since {since}",
        "failed": f"fails since {since}",
        "missed": f"is missed since {since}",
        "well": f"is well since {since}",
    }
    return words[standing.condition]


def _details(standing: Standing) -> Iterator[str]:
    night = standing.night
    if standing.condition in ("failed", "missed"):
        yield f"{night.identity}: {night.reason or 'no reason is recorded'}"
    else:
        last = {"worse": 0, "better": 1, "unclear": 2}
        ordered = sorted(night.comparisons, key=lambda one: last.get(one.verdict or "same", 3))
        yield from (f"{one.verdict or 'not compared'}: {compared(one)}" for one in ordered)


def _running(nights: list[Night]) -> Iterator[str]:
    for one in nights:
        if one.state == "running":
            began = datetime.fromisoformat(one.began or one.due)
            yield f"{one.identity} is running since {began:%H:%M}, attempt {max(one.attempt, 1)}."


def _drifting(courses: list[Course]) -> Iterator[str]:
    for course in courses:
        if course.is_drifting:
            drift = course.drifts[-1]
            way = "up" if drift.average[-1] > drift.high[-1] else "down"
            yield (
                f"{course.subject} {course.metric} drifts {way}: its moving average "
                f"({drift.average[-1]:.4f}) lies outside {drift.low[-1]:.4f} to {drift.high[-1]:.4f}."
            )


def _title(night: Night) -> str:
    deciding = [one for one in night.comparisons if one.verdict == night.verdict and one.verdict]
    words = compared(deciding[0]) if deciding else night.reason or ""
    return f"{state_of(night) if state_of(night) != 'begun' else 'done'}: {words}" if words else night.state
