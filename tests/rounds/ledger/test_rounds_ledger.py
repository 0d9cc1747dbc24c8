"""The ledger of rounds: what was appended is read back; a round that was taken back is no round any more."""

from dataclasses import replace

import pytest

from platform.config.errors import UserError
from platform.rounds.ledger.ledger import Forgotten, RoundsLedger
from tests.rounds.made_rounds import BEGUN, made_round


@pytest.fixture
def ledger(tmp_path):
    return RoundsLedger(tmp_path / "birds")


def test_what_is_appended_is_read_back(ledger):
    rounds = (made_round(1, None), made_round(2, True))
    for entry in (BEGUN, replace(rounds[0], state="running"), *rounds):
        ledger.append(entry)
    book = ledger.read()
    assert (book.begun, book.rounds) == (BEGUN, {1: rounds[0], 2: rounds[1]})
    assert book.last == rounds[1]


def test_a_round_taken_back_leaves_the_others(ledger):
    for entry in (BEGUN, made_round(1, None), made_round(2, True), made_round(2, True, state="undone")):
        ledger.append(entry)
    book = ledger.read()
    assert [*book.rounds] == [1] and [one.number for one in book.undone] == [2]
    ledger.append(Forgotten("now"))
    assert ledger.read().begun is None


def test_a_line_that_is_no_event_is_named(ledger):
    ledger.append(BEGUN)
    with ledger.file.open("ab") as file:
        file.write(b'{"kind": "round", "number": "two"}\n')
    with pytest.raises(UserError, match=r"birds/ledger\.jsonl:2: is no event of a ledger"):
        ledger.read()
