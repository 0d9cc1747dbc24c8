"""What a tick does about each night: run it, go on with it, wait, or say that it was skipped or missed."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from platform.config.errors import UserError
from platform.nights.ledger.records import Book, Fingerprint, Night, identity_of
from platform.nights.plan.fingerprint import difference
from platform.nights.plan.plan_config import NOT_PLANNED, NightConfig, PlanConfig
from platform.nights.plan.schedule import deadline, jitter_of, times_between
from platform.tuning.settings.budget_config import seconds

Action = Literal["run", "skip", "miss", "wait", "stop_other", "stop", "fail"]
_WORDS = {"failed": "it failed", "stopped": "it was stopped"}
MOST_ATTEMPTS = 5
"""How often a night is begun whose process dies each time."""


@dataclass(frozen=True)
class Decision:
    """``reason``: why, as it is stored and shown; ``canary_only``: for a sign of life nothing else runs.

    ``fingerprint``: of a night that runs for the first time.
    """

    night: str
    date: str
    due: datetime
    action: Action
    reason: str
    attempt: int = 1
    canary_only: bool = False
    fingerprint: Fingerprint | None = None

    @property
    def identity(self) -> str:
        return identity_of(self.night, self.date)


def decide(
    plan: PlanConfig,
    book: Book,
    now: datetime,
    *,
    running: str | None,
    fingerprint: Callable[[str], Fingerprint],
) -> list[Decision]:
    """Decisions on all nights, the missed first, then at most one that runs for each name.

    Args:
        running: The identity of the night that another process runs now.
        fingerprint: Of a night as it would run now; it is asked for where a night is about to run.
    """
    found = [*_taken_out(plan, book)] if running is None else []
    for name, night in plan.nights.items():
        found += _of_night(name, night, plan, book, now, running, fingerprint)
    return sorted(found, key=lambda one: (one.action == "run", one.due))


def _taken_out(plan: PlanConfig, book: Book) -> Iterator[Decision]:
    """Nights whose process died, and whose name was taken out of the plan since: nobody goes on with them."""
    for one in book.nights.values():
        if one.is_open and one.night not in plan.nights:
            due = datetime.fromisoformat(one.due)
            yield Decision(one.night, one.date, due, "stop", NOT_PLANNED, one.attempt)


def _of_night(
    name: str,
    night: NightConfig,
    plan: PlanConfig,
    book: Book,
    now: datetime,
    running: str | None,
    fingerprint: Callable[[str], Fingerprint],
) -> list[Decision]:
    dues = unhandled(name, night, plan, book, now)
    left = _left_behind(name, book, running, fingerprint, has_newer=bool(dues))
    if not dues:
        return left
    *missed, last = [(one.date().isoformat(), one) for one in dues]
    why = "nothing ticked while it was due"
    decisions = [Decision(name, day, due, "miss", why) for day, due in missed]
    day, due = last
    if due + _jitter(night, identity_of(name, day)) > now:
        return [*left, *decisions]
    return [*left, *decisions, _on_due(name, night, book, now, day, due, running, fingerprint)]


def unhandled(name: str, night: NightConfig, plan: PlanConfig, book: Book, now: datetime) -> list[datetime]:
    """The times up to now that the ledger does not know, the oldest first.

    Of those before the plan was first run only one that can still start counts: nobody waited for the others.
    """
    within = timedelta(seconds=seconds(night.start_within))
    known = [datetime.fromisoformat(one.due).astimezone(plan.zone) for one in book.of(name)]
    begun = datetime.fromisoformat(book.begun[name]) if name in book.begun else now
    after = max(known) if known else begun.astimezone(plan.zone) - within
    dates = {one.date for one in book.of(name)}
    return [one for one in times_between(night.at, after, now) if one.date().isoformat() not in dates]


def _left_behind(
    name: str,
    book: Book,
    running: str | None,
    fingerprint: Callable[[str], Fingerprint],
    *,
    has_newer: bool,
) -> list[Decision]:
    """A night whose process died goes on, unless it died too often, or what it would run is now another."""
    opened = [one for one in book.of(name) if one.is_open and one.identity != running]
    return [_taken_over(one, running, fingerprint, has_newer=has_newer) for one in opened]


def _taken_over(
    night: Night, running: str | None, fingerprint: Callable[[str], Fingerprint], *, has_newer: bool
) -> Decision:
    due, who = datetime.fromisoformat(night.due), f"its process ({night.pid} on {night.host}) died"

    def say(action: Action, reason: str) -> Decision:
        attempt = night.attempt + 1
        return Decision(
            night.night, night.date, due, action, f"{who}{reason}", attempt, canary_only=night.canary_only
        )

    if has_newer:
        return say("fail", ", and the next night is due")
    if night.attempt >= MOST_ATTEMPTS:
        return say("fail", f", {night.attempt} times")
    if running is not None:
        return say("wait", f", and {running} is running")
    try:
        now = fingerprint(night.night)
    except UserError as error:
        return say("fail", f", and {str(error).splitlines()[0]}")
    changed = difference(night.fingerprint, now) if night.fingerprint else None
    if changed is not None:  # half a night of each would be called one
        return say("fail", f", and {changed} since")
    return say("run", f": attempt {night.attempt + 1}")


def _on_due(
    name: str,
    night: NightConfig,
    book: Book,
    now: datetime,
    day: str,
    due: datetime,
    running: str | None,
    fingerprint: Callable[[str], Fingerprint],
) -> Decision:
    """The decision on the latest time, which has come."""

    def say(action: Action, reason: str, *, canary_only: bool = False) -> Decision:
        return Decision(name, day, due, action, reason, canary_only=canary_only)

    late = now - due
    if late > timedelta(seconds=seconds(night.start_within)):
        return say("miss", f"first seen {_words(late)} late, more than start_within ({night.start_within})")
    if running is not None:
        actions: dict[str, Action] = {"skip": "skip", "wait": "wait", "stop": "stop_other"}
        return say(actions[night.overlap], f"{running} was still running")
    if night.finish_by is not None:
        left = deadline(night.finish_by, due) - now
        if left < timedelta(seconds=seconds(night.min_time)):
            words = f"{_words(left)} were left" if left > timedelta() else "nothing was left"
            return say("skip", f"{words} until {night.finish_by}, less than min_time ({night.min_time})")
    try:
        tonight = fingerprint(name)
    except UserError as error:  # the data are gone, or cannot be read
        return say("fail", str(error).splitlines()[0])
    if night.when == "always":
        return replace(say("run", _lateness("due", late)), fingerprint=tonight)
    return replace(_if_changed(night, book.of(name), now, tonight, say, late), fingerprint=tonight)


def _if_changed(
    night: NightConfig,
    nights: Sequence[Night],
    now: datetime,
    tonight: Fingerprint,
    say: Callable[..., Decision],
    late: timedelta,
) -> Decision:
    """``when: changed``: compared with the last night that was done, and at times the canary all the same."""
    done = [one for one in nights if one.state == "done" and one.fingerprint is not None]
    if not done:
        return say("run", _lateness("the first night", late))
    last = done[-1]
    assert last.fingerprint is not None
    changed = difference(last.fingerprint, tonight)
    if changed is not None:
        return say("run", _lateness(f"{changed} since {last.identity}", late))
    ended = [one for one in nights if one.state in ("done", "failed", "stopped")]
    if ended[-1] != last:
        return say("run", _lateness(f"{ended[-1].identity} was not done: {_WORDS[ended[-1].state]}", late))
    ran = datetime.fromisoformat(last.began or last.due)
    if night.canary and night.heartbeat and now - ran >= timedelta(seconds=seconds(night.heartbeat)):
        reason = f"nothing has changed, but {last.identity} was the last to run: the canary alone"
        return say("run", reason, canary_only=True)
    return say(
        "skip", f"nothing has changed since {last.identity}: same code, packages, spaces, data, device"
    )


def _jitter(night: NightConfig, identity: str) -> timedelta:
    return jitter_of(identity, seconds(night.jitter)) if night.jitter else timedelta()


def _lateness(reason: str, late: timedelta) -> str:
    return f"{reason}; {_words(late)} late" if late > timedelta(minutes=15) else reason


def _words(time: timedelta) -> str:
    minutes = int(time.total_seconds() // 60)
    days, hours, rest = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{count} {unit}" for count, unit in ((days, "d"), (hours, "h"), (rest, "min")) if count]
    return " ".join(parts[:2]) or "less than a minute"
