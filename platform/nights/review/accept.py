"""``accept FILE NIGHT --why``: from this night on its result is the level."""

from datetime import datetime

from platform.config.errors import UserError, did_you_mean
from platform.nights.ledger.ledger import Ledger
from platform.nights.ledger.records import Accepted, Book, Night
from platform.tracking.environment import user_name


def known_night(book: Book, identity: str) -> Night:
    """The night; raises UserError, which names those that there are."""
    if identity in book.nights:
        return book.nights[identity]
    there = list(book.nights)
    near = did_you_mean(identity, there)
    last = ", ".join(there[-5:]) or "none yet"
    raise UserError(f"{identity}: no such night{near}; the last ones are {last}")


def accept(ledger: Ledger, identity: str, why: str, now: datetime) -> Accepted:
    """Record it; raises UserError for a night that compared nothing, or an empty reason."""
    if not why.strip():
        raise UserError("--why: say why, so that others understand it in a year")
    night = known_night(ledger.read(), identity)
    if night.state != "done" or not night.comparisons:
        raise UserError(f"{identity}: is {night.state} and measured nothing, so it cannot be a level")
    accepted = Accepted(night.night, night.date, why.strip(), now.isoformat(timespec="seconds"), user_name())
    ledger.append(accepted, at=now)
    return accepted
