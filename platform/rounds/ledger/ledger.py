"""The ledger of rounds: state/NAME/ledger.jsonl, one event a line, only ever appended to."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from pydantic import TypeAdapter, ValidationError

from platform.config.errors import UserError
from platform.rounds.ledger.records import Begun, Book, Round
from platform.storage.event_log import EventLog


@dataclass(frozen=True)
class Forgotten:
    """The first round was taken back, and with it what all rounds had in common."""

    at: str


Entry = Begun | Round | Forgotten
KINDS: dict[str, TypeAdapter[Entry]] = {
    "begun": TypeAdapter(Begun),
    "round": TypeAdapter(Round),
    "forgotten": TypeAdapter(Forgotten),
}


@dataclass(frozen=True)
class RoundsLedger(EventLog):
    def read(self) -> Book:
        """All events together; the last one of a round counts.

        Raises:
            UserError: a line in the middle is no event.
        """
        book = Book()
        for entry in self._entries():
            book = _with(book, entry)
        return book

    def append(self, entry: Entry) -> None:
        """Add an event and see it on the disk; raises StorageError where it does not fit there."""
        kind = type(entry).__name__.lower()
        self.append_line(json.dumps({"kind": kind, **asdict(entry)}))

    def _entries(self) -> Iterator[Entry]:
        for number, line in enumerate(self.lines(), start=1):
            try:
                fields = json.loads(line)
                yield KINDS[fields.pop("kind")].validate_python(fields)
            except (ValueError, KeyError, AttributeError, ValidationError) as error:
                cause = " ".join(str(error).split())[:200]
                where = f"{self.file}:{number}"
                raise UserError(f"{where}: is no event of a ledger; delete the line: {cause}") from None


def _with(book: Book, entry: Entry) -> Book:
    if isinstance(entry, Begun):
        return replace(book, begun=entry)
    if isinstance(entry, Forgotten):
        return replace(book, begun=None)
    if entry.state == "undone":
        left = {number: one for number, one in book.rounds.items() if number != entry.number}
        return replace(book, rounds=left, undone=(*book.undone, entry))
    return replace(book, rounds={**book.rounds, entry.number: entry})
