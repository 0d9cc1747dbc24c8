"""The ledger: what was appended is read back, whatever died in between."""

import multiprocessing
from datetime import UTC, datetime

import pytest

from platform.config.errors import UserError
from platform.nights.ledger.ledger import Begun, Ledger, Note
from platform.nights.ledger.records import Accepted, Champion, Comparison, Fingerprint, Night, SweepRun, Told

NOW = datetime(2026, 11, 30, 21, 30, tzinfo=UTC)
NIGHT = Night(
    "digits",
    "2026-11-30",
    "done",
    "2026-11-30T22:30:00+01:00",
    verdict="same",
    fingerprint=Fingerprint("abc", False, "c", "l", {"canary": "s"}, {"canary": "d"}, "cpu"),
    sweeps=(
        SweepRun("canary", "digits@2026-11-30-canary", "c.yaml", "val/accuracy", 0.9, 5, 0, 12.5, 0.0, None),
    ),
    comparisons=(
        Comparison(
            subject="canary",
            metric="val/accuracy",
            direction="max",
            verdict="same",
            values=(0.9, 0.91),
            all_values=(0.9, 0.91),
            mean=0.905,
            series="cpu",
            why="why",
        ),
    ),
    champion=Champion("model v1", "champion", "the first", "digits@2026-11-30-peer", "digits@2026-11-30"),
)


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "nightly")


def test_what_is_appended_is_read_back(ledger):
    entries = (
        Begun(NOW.isoformat(), "digits"),
        NIGHT,
        Accepted("digits", "2026-11-30", "a new backbone", NOW.isoformat(), "me"),
        Told("k", "worse", "digits@2026-11-30", "it is worse", NOW.isoformat()),
        Note("digest", "2026-11-30"),
    )
    for entry in entries:
        ledger.append(entry, at=NOW)
    book = ledger.read()
    assert book.nights == {"digits@2026-11-30": NIGHT}
    assert (book.begun, book.accepted) == ({"digits": NOW.isoformat()}, (entries[2],))
    assert book.told == {"k": entries[3]}
    assert book.notes == {"digest": "2026-11-30"}


def test_the_last_word_on_a_night_counts(ledger):
    for state in ("running", "done"):
        ledger.append(Night("digits", "2026-11-30", state, "2026-11-30T22:30:00+01:00"), at=NOW)
    assert [one.state for one in ledger.read().nights.values()] == ["done"]


def test_half_a_line_is_no_event_and_is_cut_off(ledger):
    ledger.append(Note("a", "1"), at=NOW)
    with ledger.file.open("ab") as file:
        file.write(b'{"kind": "note", "key": "a", "val')
    assert ledger.read().notes == {"a": "1"}
    ledger.append(Note("b", "2"), at=NOW)
    assert ledger.read().notes == {"a": "1", "b": "2"}
    assert ledger.file.read_bytes().count(b"\n") == 2


def test_a_line_that_is_no_event_is_named(ledger):
    ledger.append(Note("a", "1"), at=NOW)
    with ledger.file.open("ab") as file:
        file.write(b'{"kind": "night", "night": 3}\n')
    with pytest.raises(UserError, match=r"ledger\.jsonl:2: is no event of a ledger"):
        ledger.read()


def _append(folder, name):
    for count in range(25):
        Ledger(folder).append(Note(f"{name}{count}", "x"), at=NOW)


def test_processes_that_append_at_once_lose_nothing(ledger):
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_append, args=(ledger.folder, name)) for name in "abc"]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert len(ledger.read().notes) == 75
