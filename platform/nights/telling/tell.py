"""Tell people of changes of state: what the commands call. Records first, then sends."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from platform.config.load import load_space
from platform.nights.ledger.ledger import Ledger, Note
from platform.nights.ledger.records import Book, Night, Told
from platform.nights.plan.notify_config import Occasion
from platform.nights.plan.plan_config import PlanConfig
from platform.nights.telling.alive import ping
from platform.nights.telling.channels.send import channels, name_of_url, secret_settings, send
from platform.nights.telling.delivery import deliver, record
from platform.nights.telling.notice_text import notice_text
from platform.nights.telling.occasions import key_of, occasion_of, standings

PLAN_COPY = "plan.yaml"
"""The last good copy of the plan in its state folder: who is told while the plan itself cannot be read."""
BROKEN = "the plan is broken since"
PLAN = "plan"


def tell(
    plan: PlanConfig,
    ledger: Ledger,
    night: Night,
    now: datetime,
    page: Path | None,
    *,
    file: Path = Path("PLAN.yaml"),
) -> None:
    """Tell of a night that has ended, if it is a change of state that the plan asks for.

    Args:
        page: The page across nights, named in the notice.
        file: The plan's YAML, for the commands in the notice.

    Raises:
        StorageError: the ledger cannot be written. Channels that fail raise nothing.
    """
    book = ledger.read()
    occasion = occasion_of(book, night)
    if occasion is not None and occasion in plan.notify.on:
        record(plan, ledger, _notice(book, night, occasion, now, page, file))
    deliver(plan, ledger, now)


def deliver_pending(plan: PlanConfig, ledger: Ledger, now: datetime) -> None:
    """What each tick does: deliver what waits, and tell that a plan which was broken can be read again."""
    since = ledger.read().notes.get(BROKEN)
    if since:
        if "recovered" in plan.notify.on:
            text = f"The plan can be read again. It was broken since {since}; nights run as planned."
            record(plan, ledger, Told(f"{PLAN} {since} recovered", "recovered", PLAN, text, now.isoformat()))
        ledger.append(Note(BROKEN, ""), at=now)
    deliver(plan, ledger, now)


def tell_plan_broken(state: Path, message: str, now: datetime) -> None:
    """Tell once that the plan cannot be read. Channels are those of its last good copy, ``plan.yaml``.

    Without a copy, as before the plan's first good tick, there is nobody to tell.

    Raises:
        UserError: the copy cannot be read, or the ledger.
    """
    copy = state / PLAN_COPY
    if not copy.is_file():
        return
    plan, ledger = load_space(copy, PlanConfig).first(), Ledger(state)
    if not ledger.read().notes.get(BROKEN):
        since = now.astimezone(plan.zone).isoformat(timespec="minutes")
        if "failed" in plan.notify.on:
            text = f"The plan cannot be read, and no night runs until it can:\n{message}"
            record(plan, ledger, Told(f"{PLAN} {since} failed", "failed", PLAN, text, now.isoformat()))
        ledger.append(Note(BROKEN, since), at=now)
    deliver(plan, ledger, now)


def test_notify(plan: PlanConfig, now: datetime) -> list[str]:
    """Send a notice that says it is a test to every channel; one line each says what became of it."""
    text = "This is a test: notices of the nights arrive here.\nNothing has happened; nothing is to be done."
    told = Told(f"test {now.isoformat()}", "test", PLAN, text, now.isoformat())
    return [*_tested(plan, told)]


def _tested(plan: PlanConfig, told: Told) -> Iterator[str]:
    for name, channel in channels(plan.notify).items():
        problem = send(channel, told, secret_settings(plan.notify))
        yield f"{name}: delivered" if problem is None else f"{name}: not delivered: {problem}"
    if plan.notify.alive is not None:
        name, problem = name_of_url(plan.notify.alive), ping(plan, "end", "a test")
        yield f"alive {name}: pinged" if problem is None else f"alive {name}: not pinged: {problem}"
    if not plan.notify.to and plan.notify.alive is None:
        yield "the plan has no channel: name one in notify.to"


def _notice(
    book: Book, night: Night, occasion: Occasion, now: datetime, page: Path | None, file: Path
) -> Told:
    known = replace(book, nights={**book.nights, night.identity: night})
    standing = next(one for one in standings(known, night.night) if one.night.identity == night.identity)
    text = notice_text(known, standing, occasion, page, file)
    return Told(key_of(standing, occasion), occasion, night.identity, text, now.isoformat())
