"""When nights are due: words, daylight saving, deadlines, and expressions that are refused."""

from datetime import datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from platform.nights.plan.schedule import check_cron, deadline, in_words, jitter_of, next_times, times_between

BERLIN = ZoneInfo("Europe/Berlin")


def berlin(*when):
    return datetime(*when).replace(tzinfo=BERLIN)


def test_it_is_said_in_words():
    assert in_words("30 22 * * 1-5") == "At 22:30 on Monday through Friday"


def test_a_time_that_the_clock_skips_comes_right_after():
    first, second = islice(next_times("30 2 * * *", berlin(2027, 3, 27, 12)), 2)
    assert first.isoformat() == "2027-03-28T03:00:00+02:00"
    assert second.isoformat() == "2027-03-29T02:30:00+02:00"


def test_a_time_that_the_clock_repeats_comes_once():
    times = times_between("30 2 * * *", berlin(2026, 10, 24, 12), berlin(2026, 10, 26, 12))
    assert [one.isoformat() for one in times] == ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]


def test_times_between_includes_the_end_and_not_the_start():
    at = berlin(2026, 11, 30, 22, 30)
    assert times_between("30 22 * * *", at - timedelta(days=1), at) == [at]
    assert times_between("30 22 * * *", at, at - timedelta(days=3)) == []


@pytest.mark.parametrize(
    ("finish_by", "due", "expected"),
    [
        ("07:00", berlin(2026, 11, 30, 22, 30), "2026-12-01T07:00:00+01:00"),
        ("23:15", berlin(2026, 11, 30, 22, 30), "2026-11-30T23:15:00+01:00"),
        ("07:00", berlin(2026, 10, 24, 22, 30), "2026-10-25T07:00:00+01:00"),
    ],
)
def test_a_deadline_is_the_next_such_time(finish_by, due, expected):
    assert deadline(finish_by, due).isoformat() == expected


def test_jitter_is_the_same_for_a_night_and_differs_between_nights():
    spread = {jitter_of(f"birds@2026-11-{day:02}", 600) for day in range(1, 31)}
    assert jitter_of("birds@2026-11-01", 600) == jitter_of("birds@2026-11-01", 600)
    assert len(spread) > 20
    assert all(timedelta() <= one < timedelta(minutes=10) for one in spread)


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("0 22 * *", "five fields"),
        ("0 0 31 2 *", "Bad day-of-month"),
        ("61 22 * * *", "is not a cron expression"),
        ("0 */6 * * *", "more than once on one date"),
        ("@daily", "five fields"),
    ],
)
def test_what_is_no_schedule_of_nights_is_refused(expression, words):
    with pytest.raises(ValueError, match=words):
        check_cron(expression)
