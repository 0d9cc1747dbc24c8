"""The ledger of a plan: the events in state/ledger.jsonl, as nights, notices and notes."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from platform.config.errors import UserError
from platform.nights.ledger.records import Accepted, Book, Night, Told
from platform.storage.event_log import EventLog


@dataclass(frozen=True)
class Begun:
    """Since when a night is in the plan that is run. What was due before is not missed."""

    at: str
    night: str


@dataclass(frozen=True)
class Note:
    """A key and a value that the telling remembers, such as when the last digest went out."""

    key: str
    value: str


Entry = Begun | Night | Accepted | Told | Note
KINDS: dict[str, type[Any]] = {
    "begun": Begun,
    "night": Night,
    "accepted": Accepted,
    "told": Told,
    "note": Note,
}
_NAMES = {kind: name for name, kind in KINDS.items()}


@dataclass(frozen=True)
class Ledger(EventLog):
    def read(self) -> Book:
        """All events together; the last one of a night, a notice or a key counts.

        Raises:
            UserError: a line in the middle is no event.
        """
        book = Book()
        for entry in self._entries():
            book = _with(book, entry)
        return book

    def append(self, entry: Entry, *, at: datetime) -> None:
        """Add an event and see it on the disk; raises StorageError where it does not fit there."""
        self.append_line(json.dumps({"at": at.isoformat(), "kind": _NAMES[type(entry)], **asdict(entry)}))

    def _entries(self) -> Iterator[Entry]:
        for number, line in enumerate(self.lines(), start=1):
            yield _entry(line, f"{self.file}:{number}")


def _entry(line: bytes, where: str) -> Entry:
    try:
        fields = json.loads(line)
        name = fields.pop("kind")
        if name not in ("begun", "told", "accepted"):
            fields.pop("at")
        entry: Entry = _adapter(name).validate_python(fields)
    except (ValueError, KeyError, AttributeError, ValidationError) as error:
        cause = " ".join(str(error).split())[:200]
        raise UserError(f"{where}: is no event of a ledger; delete the line: {cause}") from None
    return entry


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    """Making one takes milliseconds, and a ledger has thousands of lines."""
    return TypeAdapter(KINDS[name])


def _with(book: Book, entry: Entry) -> Book:
    if isinstance(entry, Begun):
        return replace(book, begun={entry.night: entry.at, **book.begun})
    if isinstance(entry, Night):
        return replace(book, nights={**book.nights, entry.identity: entry})
    if isinstance(entry, Accepted):
        return replace(book, accepted=(*book.accepted, entry))
    if isinstance(entry, Told):
        return replace(book, told={**book.told, entry.key: entry})
    return replace(book, notes={**book.notes, entry.key: entry.value})
