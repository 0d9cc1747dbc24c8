"""Changes of state: what a night's end is to the people who wait for news, and since when it has been so."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from platform.nights.ledger.records import Book, Comparison, Night
from platform.nights.plan.notify_config import Occasion

Condition = Literal["well", "better", "worse", "failed", "missed"]
BAD: tuple[Condition, ...] = ("worse", "failed", "missed")
LEANING = 0.5
"""An unclear result that keeps more than this part of a drop does not count as its recovery."""


@dataclass(frozen=True)
class Standing:
    """How things stand after ``night``.

    Attributes:
        since: The first night of the unbroken row in this condition.
        before: The standing before it; None at the first night.
        occasion: What is new with this night; None where nothing is.
        is_accepted: Whether a person has accepted a worse night's level since: it is not bad any more.
    """

    night: Night
    condition: Condition
    since: Night
    before: "Standing | None"
    occasion: Occasion | None
    is_accepted: bool = False

    @property
    def is_bad(self) -> bool:
        return self.condition in BAD and not self.is_accepted


def occasion_of(book: Book, night: Night) -> Occasion | None:
    """What people are to be told of this night; None if it is as the one before.

    Nights that were skipped change nothing, and one that was stopped counts as failed. A night is *recovered*
    if the state before was worse, failed or missed and this one was done and is not worse. Missed nights in
    a row are one notice, at whichever of them it is asked for first.
    """
    known = replace(book, nights={**book.nights, night.identity: night})
    found = next((one for one in standings(known, night.night) if one.night.identity == night.identity), None)
    if found is None:
        return None
    if found.condition == "missed" and key_of(found, "missed") not in book.told:
        return "missed"
    return None if found.condition == "missed" else found.occasion


def key_of(standing: Standing, occasion: str) -> str:
    """Names a notice in the ledger: there is one for each. Missed nights in a row have that of the first."""
    of = standing.since if occasion == "missed" else standing.night
    return f"{of.identity} {occasion}"


def standing_of(book: Book, night: str) -> Standing | None:
    """How things stand now with the nights of this name; None before the first that ended."""
    return next(reversed([*standings(book, night)]), None)


def standings(book: Book, night: str) -> Iterator[Standing]:
    """After each night that says something, the oldest first; skipped nights say nothing."""
    last: Standing | None = None
    worse: Night | None = None  # the last night that was worse, while nothing has been well since
    for one in book.of(night):
        condition = _condition(one, worse)
        if condition is None:
            continue
        if last is not None:
            last = replace(last, is_accepted=_is_accepted(book, last, before=one.date))
            if last.is_accepted:
                worse = None
        is_same = last is not None and last.condition == condition and not last.is_accepted
        since = last.since if last is not None and is_same else one
        last = Standing(one, condition, since, last, _occasion(last, condition, one))
        if condition == "worse" and one.verdict == "worse":
            worse = one
        elif condition in ("well", "better"):
            worse = None
        yield replace(last, is_accepted=_is_accepted(book, last))


def _condition(night: Night, worse: Night | None) -> Condition | None:
    if night.state in ("failed", "stopped"):
        return "failed"
    if night.state == "missed":
        return "missed"
    if night.state != "done":
        return None
    if night.verdict == "worse" or (worse is not None and _leans(night, worse)):
        return "worse"
    return "better" if night.verdict == "better" else "well"


def _leans(night: Night, worse: Night) -> bool:
    """Whether something that was worse is unclear now, and keeps most of its drop."""
    drops = {(one.subject, one.metric): _gain(one) for one in worse.comparisons if one.verdict == "worse"}
    return any(
        _gain(one) < LEANING * drops[one.subject, one.metric]
        for one in night.comparisons
        if one.verdict == "unclear" and (one.subject, one.metric) in drops
    )


def _gain(comparison: Comparison) -> float:
    """The difference with its sign turned so that more is better."""
    gain = comparison.difference or 0.0
    return gain if comparison.direction == "max" else -gain


def _occasion(before: Standing | None, condition: Condition, night: Night) -> Occasion | None:
    was = "well" if before is None or before.is_accepted else before.condition
    if condition == was:
        return None
    if condition in ("worse", "failed", "missed"):
        return condition
    if was == "worse" and night.verdict is None:
        return None  # a new series has begun: nothing says that it is well again
    if was in BAD:
        return "recovered"
    return "better" if condition == "better" else None


def _is_accepted(book: Book, standing: Standing, before: str = "9999") -> bool:
    """Whether the level of a worse night, or of a later one, was accepted."""
    return standing.condition == "worse" and any(
        one.night == standing.night.night and standing.since.date <= one.date < before
        for one in book.accepted
    )
