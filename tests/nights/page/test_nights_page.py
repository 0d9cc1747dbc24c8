"""The page across nights: what it says of a made ledger, and that hostile text stays text."""

import re
from dataclasses import replace
from datetime import datetime

import pytest

from platform.nights.ledger.records import Book
from platform.nights.page.page import write_page
from platform.nights.page.series import courses
from tests.nights.made_nights import comparison, make_plan, night
from tests.nights.page.made_book import made_book

NOW = datetime.fromisoformat("2026-11-30T07:00:00+01:00")


@pytest.fixture
def write(tmp_path):
    def write_(book, now=NOW, plan=None):
        plan = plan or make_plan(to=[{"webhook": "http://127.0.0.1:9/hook"}])
        return write_page(plan, "digits", book, tmp_path / "nightly", now).read_text(encoding="utf-8")

    return write_


def plain(html):
    """The page's text, without tags, styles and scripts."""
    text = re.sub(r"<(style|script|svg).*?</\1>", " ", html, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


def test_the_first_words_say_what_is_wrong_and_since_when(write):
    said = plain(write(made_book(ends_worse=True)))
    assert "digits is worse since Thursday, 26 November 2026" in said
    assert "worse: canary val/accuracy 0.932 → 0.902" in said
    assert "bisect digits.yaml digits@2026-11-26" in said
    well = plain(write(made_book()))
    assert "Nothing is wrong, but 1 notice was not delivered" in well
    assert "digits is well since Thursday, 12 November 2026" in well


@pytest.mark.parametrize(
    ("nights", "words"),
    [
        ([], "No night has ended yet"),
        ([night(1, verdict="same")], "Nothing is wrong"),
        ([night(1, "failed", reason="no room")], "digits fails since Tuesday, 1 December 2026"),
        ([night(1, "missed"), night(2, "missed")], "digits is missed since Tuesday, 1 December 2026"),
        ([night(1, "running", began="2026-12-01T22:31:00+01:00")], "is running since 22:31, attempt 1"),
    ],
)
def test_other_states_are_said(write, nights, words):
    assert words in plain(write(Book(nights={one.identity: one for one in nights})))


def test_each_night_has_a_row_with_what_it_found_and_cost(write, tmp_path):
    report = tmp_path / "runs" / "digits@2026-11-29-canary" / "report" / "index.html"
    report.parent.mkdir(parents=True)
    report.write_text("a report")
    book = made_book()
    last = book.nights["digits@2026-11-29"]
    sweeps = (replace(last.sweeps[0], report=str(report), failed=1), *last.sweeps[1:])
    html = write(replace(book, nights={**book.nights, last.identity: replace(last, sweeps=sweeps)}))
    assert html.count("<tr id=") == 60
    assert 'href="../runs/digits%402026-11-29-canary/report/index.html">canary (1 of 5 failed)</a>' in html
    said = plain(html)
    assert "nothing has changed since the night before: same code" in said
    assert "2 CUDA out of memory: tried to allocate 41 MiB" in said  # 9 MiB was the same cause
    assert "champion 30 digits@2026-10-31-peer gain +0.006" in said
    assert "webhook 127.0.0.1: HTTP 503 Service Unavailable" in said


def test_figures_show_breaks_accepted_levels_and_absent_nights(write):
    html = write(made_book())
    assert html.count('<svg class="wide"') == html.count('<svg class="narrow"') == 5
    assert "new series: NVIDIA H200 × 1" in html
    assert "accepted: a faster decoder" in html
    assert 'class="absent failed"' in html and 'class="absent missed"' in html


def test_a_series_is_never_joined_over_a_break_and_its_steps_name_both_nights():
    (canary, *_) = courses(made_book(), "digits")
    assert canary.subject == "canary"
    first, second = canary.stretches
    assert {point.compared.series for point in first}.isdisjoint({point.compared.series for point in second})
    assert [(step.before.date, step.after.date, step.is_worse) for step in canary.steps] == [
        ("2026-10-24", "2026-10-25", True),
        ("2026-11-02", "2026-11-04", False),
    ]


def test_a_slow_drift_is_told_before_any_night_is_worse(write):
    values = [0.9 + 0.001 * (day % 3) - 0.0012 * max(day - 12, 0) for day in range(28)]
    nights = [
        night(day + 1, verdict="same", comparisons=(comparison("same", (value,), 0.9, half=0.01),))
        for day, value in enumerate(values)
    ]
    said = plain(write(Book(nights={one.identity: one for one in nights})))
    assert "canary val/accuracy drifts down: its moving average" in said


def test_three_hundred_nights_stay_small(write):
    html = write(made_book(300), datetime.fromisoformat("2027-07-28T07:00:00+02:00"))
    assert html.count("<tr id=") == 300
    assert len(html.encode()) < 2_000_000


def test_what_comes_from_the_ledger_stays_text(write):
    hostile = "<script>alert(1)</script>\"'&"
    one = night(
        1,
        verdict="worse",
        changes=(hostile,),
        comparisons=(comparison("worse", subject=hostile, series=hostile),),
    )
    failed = night(2, "failed", reason=hostile)
    html = write(Book(nights={each.identity: each for each in (one, failed)}))
    assert "<script>alert" not in html
    assert html.count("<script") == 1
