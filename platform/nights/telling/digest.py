"""The digest: what the nights of the last week or so were, what they found and cost, and what is open."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from platform.nights.ledger.ledger import Ledger, Note
from platform.nights.ledger.records import Book, Night, Told
from platform.nights.plan.plan_config import PlanConfig
from platform.nights.plan.schedule import times_between
from platform.nights.telling.delivery import deliver, is_given_up, record, waiting
from platform.nights.telling.figures import compared, cost
from platform.nights.telling.occasions import standing_of

LAST = "last digest"


def send_digest_if_due(plan: PlanConfig, ledger: Ledger, now: datetime) -> None:
    """Send one digest if ``notify.digest`` came since the last; never one for each time that was missed.

    The first is due at the first such time after the plan was first run.

    Raises:
        StorageError: the ledger cannot be written.
    """
    if plan.notify.digest is None:
        return
    book = ledger.read()
    last = book.notes.get(LAST) or min(book.begun.values(), default=None)
    if last is None:
        ledger.append(Note(LAST, now.isoformat()), at=now)
        return
    after = datetime.fromisoformat(last)
    dues = times_between(plan.notify.digest, after, now.astimezone(plan.zone))
    if not dues:
        return
    due = dues[-1]
    text = digest_text(plan, book, after, due)
    record(plan, ledger, Told(f"digest {due.isoformat()}", "digest", "", text, now.isoformat()))
    ledger.append(Note(LAST, due.isoformat()), at=now)
    deliver(plan, ledger, now)


def digest_text(plan: PlanConfig, book: Book, after: datetime, until: datetime) -> str:
    """Of the nights that were due after one time and up to another, and of all problems that are open."""
    nights = [one for one in book.nights.values() if after < datetime.fromisoformat(one.due) <= until]
    counts = Counter(_state(one) for one in nights)
    said = ", ".join(f"{count} {state}" for state, count in counts.most_common()) or "no night was due"
    span = f"{after.astimezone(plan.zone):%Y-%m-%d} to {until:%Y-%m-%d}"
    open_problems = [*_open(plan, book, after)]
    wrong = (
        f"{len(open_problems)} open problem{'s' * (len(open_problems) != 1)}" if open_problems else "all well"
    )
    lines = [f"Nights from {span}: {said}; {wrong}"]
    for name in plan.nights:
        lines += _of_night(name, [one for one in nights if one.night == name])
    if open_problems:
        lines += ["", "Open:", *(f"  {one}" for one in open_problems)]
    return "\n".join(lines)


def _of_night(name: str, nights: list[Night]) -> Iterator[str]:
    ran = [one for one in nights if one.sweeps]
    seconds, hours = sum(one.seconds for one in ran), sum(one.gpu_hours for one in ran)
    yield ""
    yield f"{name}: {len(ran)} of {len(nights)} ran" + (f", {cost(seconds, hours)}" if ran else "")
    for one in sorted(nights, key=lambda one: one.date):
        yield f"  {one.date} {_state(one)}" + (
            f": {one.reason}" if one.state != "done" and one.reason else ""
        )
        yield from (f"    {each.verdict or 'not compared'}: {compared(each)}" for each in one.comparisons)
        if one.champion is not None:
            yield f"    {one.champion.alias}: version {one.champion.version}, {one.champion.why}"


def _open(plan: PlanConfig, book: Book, after: datetime) -> Iterator[str]:
    for name in plan.nights:
        standing = standing_of(book, name)
        if standing is not None and standing.is_bad:
            yield f"{name} is {_is(standing.condition)} since {standing.since.identity}"
    for told in book.told.values():
        is_old = is_given_up(told) and datetime.fromisoformat(told.at) <= after
        if told.problem and not is_old and (names := waiting(told, plan.notify)):
            first = told.text.partition("\n")[0]
            yield f"not delivered to {', '.join(names)}: “{first}” ({told.tries} tries, last: {told.problem})"


def _is(condition: str) -> str:
    return {"failed": "failing"}.get(condition, condition)


def _state(night: Night) -> str:
    return night.verdict if night.state == "done" and night.verdict else night.state
