"""Which nights are the level, where a series begins, and what a night's verdict is."""

from types import SimpleNamespace
from typing import Any

import pytest

from platform.nights.ledger.records import Accepted, Book, Night
from platform.nights.plan.plan_config import NightConfig
from platform.nights.running.comparing import Reference, cases, level_nights, verdict_of
from platform.nights.verdicts.measured import Measured
from tests.nights.made_nights import comparison

SERIES = "cpu | data d | settings s"


def compared(verdict, series=SERIES, subject="canary"):
    return comparison(verdict, (0.9,), subject=subject, series=series)


def night(day, verdict, state="done", **more):
    date = f"2026-11-{day:02}"
    due = f"{date}T22:30:00+01:00"
    return Night("digits", date, state, due, verdict=verdict, comparisons=(compared(verdict, **more),))


def level(nights, accepted=(), tonight=30, series=SERIES):
    book = Book(
        {one.identity: one for one in nights},
        accepted=tuple(Accepted("digits", f"2026-11-{day:02}", "why", "", "me") for day in accepted),
    )
    found = level_nights(book, night(tonight, None), "canary", "val/accuracy", series)
    return [int(one.date[-2:]) for one in found]


def test_a_level_is_all_nights_that_differ_by_chance():
    nights = [night(1, None), night(2, "same"), night(3, "unclear"), night(4, "worse"), night(5, "better")]
    assert level(nights) == [1, 2, 3]


def test_only_nights_that_were_done_and_come_before_count():
    assert level([night(1, None), night(2, "same", state="failed"), night(30, "same")], tonight=30) == [1]


def test_an_accepted_night_begins_a_level_whatever_its_verdict():
    nights = [night(1, None), night(2, "worse"), night(3, "same")]
    assert level(nights, accepted=[2]) == [2, 3]
    assert level(nights, accepted=[2, 3]) == [3]


def test_another_series_is_never_in_it():
    nights = [night(1, None), night(2, None, series="NVIDIA H200 | data d | settings s")]
    assert level(nights) == [1]
    assert level(nights, series="NVIDIA H200 | data d | settings s") == [2]


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        (["same", "worse", "better"], "worse"),
        (["same", "better", "unclear"], "better"),
        (["same", "unclear", None], "unclear"),
        (["same", None], "same"),
        ([None], None),
        ([], None),
    ],
)
def test_the_nights_verdict_is_the_most_serious(verdicts, expected):
    assert verdict_of([compared(one) for one in verdicts]) == expected


def measured(*values):
    return Measured(dict(enumerate(values)))


@pytest.mark.parametrize(
    ("verdict", "expected"), [("unclear", [(0.8, 0.9)]), ("same", [(0.8, 0.9), (0.7, 0.7)])]
)
def test_an_unclear_night_is_not_what_makes_its_own_repetition_the_same(verdict, expected):
    nights = (night(1, None), night(2, verdict))
    known = Reference(SERIES, nights, (measured(0.8, 0.9), measured(0.7, 0.7)), None)
    config = NightConfig.model_validate({"at": "30 22 * * *", "canary": {"space": "canary.yaml"}})
    plan: Any = SimpleNamespace(night=lambda name: config)
    key = ("canary", "val/accuracy")
    [case] = cases(plan, night(3, None), {key: known}, {key: measured(0.7, 0.7)})
    assert [tuple(one.values.values()) for one in case.level] == expected
