"""When people are told: on changes of state only."""

from dataclasses import replace

import pytest

from platform.nights.ledger.records import Accepted, Book, Told
from platform.nights.telling.occasions import occasion_of, standing_of
from tests.nights.made_nights import comparison, night


def occasions(*nights, accepted=()):
    """What is told after each, where everything that is told is remembered."""
    book, found = Book(accepted=accepted), []
    for one in nights:
        occasion = occasion_of(book, one)
        found.append(occasion)
        told = book.told
        if occasion is not None:
            key = f"{one.identity} {occasion}"
            told = {**told, key: Told(key, occasion, one.identity, "", one.due)}
        book = replace(book, nights={**book.nights, one.identity: one}, told=told)
    return found


@pytest.mark.parametrize(
    ("nights", "expected"),
    [
        ([("done", None), ("done", "same"), ("done", "unclear")], [None, None, None]),
        (
            [("done", "same"), ("done", "worse"), ("done", "worse"), ("done", "same")],
            [None, "worse", None, "recovered"],
        ),
        (
            [("done", "better"), ("done", "better"), ("done", "same"), ("done", "better")],
            ["better", None, None, "better"],
        ),
        ([("done", "worse"), ("done", "better"), ("done", "better")], ["worse", "recovered", None]),
        ([("done", "worse"), ("skipped", None), ("done", "worse")], ["worse", None, None]),
        ([("failed", None), ("stopped", None), ("done", None)], ["failed", None, "recovered"]),
        ([("failed", None), ("done", "worse"), ("failed", None)], ["failed", "worse", "failed"]),
        ([("missed", None), ("missed", None), ("done", "unclear")], ["missed", None, "recovered"]),
        ([("skipped", None), ("running", None), ("due", None)], [None, None, None]),
        ([("done", "worse"), ("done", None), ("done", "same")], ["worse", None, None]),
    ],
)
def test_only_changes_of_state_are_told(nights, expected):
    made = [night(day, state, verdict) for day, (state, verdict) in enumerate(nights, start=1)]
    assert occasions(*made) == expected


def test_an_unclear_night_that_keeps_most_of_a_drop_has_not_recovered():
    dropped = night(1, verdict="worse")
    still = night(2, verdict="unclear", comparisons=(comparison("unclear", (0.87, 0.89, 0.86)),))
    risen = night(3, verdict="unclear", comparisons=(comparison("unclear", (0.90, 0.89, 0.905)),))
    assert occasions(dropped, still, risen) == ["worse", None, "recovered"]


def test_an_accepted_level_ends_a_worse_state_without_a_notice():
    nights = [night(1, verdict="worse"), night(2, verdict="worse"), night(3, verdict="same")]
    accepted = (Accepted("digits", "2026-12-02", "a faster decoder", "2026-12-03T09:00:00+01:00", "mm"),)
    assert occasions(*nights, accepted=accepted) == ["worse", None, None]
    book = Book(nights={one.identity: one for one in nights[:2]})
    assert standing_of(book, "digits").is_bad
    assert not standing_of(replace(book, accepted=accepted), "digits").is_bad


def test_missed_nights_are_one_notice_whichever_is_told_first():
    nights = {one.identity: one for one in (night(1, verdict="same"), night(2, "missed"), night(3, "missed"))}
    last = nights["digits@2026-12-03"]
    assert occasion_of(Book(nights=nights), last) == "missed"
    key = "digits@2026-12-02 missed"
    told = {key: Told(key, "missed", "digits@2026-12-02", "", "2026-12-03T10:00:00+01:00")}
    assert occasion_of(Book(nights=nights, told=told), last) is None


def test_nights_of_another_name_and_later_ones_do_not_count():
    other = replace(night(1, verdict="worse"), night="birds")
    later = night(5, verdict="worse")
    book = Book(nights={one.identity: one for one in (other, later)})
    assert occasion_of(book, night(2, verdict="same")) is None
    assert occasion_of(book, night(2, verdict="worse")) == "worse"
